# SPDX-License-Identifier: MIT
# Properties that share one long text: what is shown of them has an end.
python3 -c '
print("use jdk17\nuse collections\nclass java.util.Properties fields ref map\nclass java.lang.System statics ref props=@properties")
print("string @long \"" + "x" * 20000 + "\"")
for i in range(4000):
    print(f"object @n{i} java.util.concurrent.ConcurrentHashMap$Node key=\"k{i:04}\" val=@long")
print("array @table java.util.concurrent.ConcurrentHashMap$Node[] [" + ", ".join(f"@n{i}" for i in range(4000)) + "]")
print("object @map java.util.concurrent.ConcurrentHashMap table=@table")
print("object @properties java.util.Properties map=@map")
' > shared.heap
"$DUMPGEN" shared.heap shared.hprof
"$HPROF_ANALYZE" properties shared.hprof --show-secrets -f json > a
python3 -c '
import collections, json
print(sorted(collections.Counter(len(p["value"]) for p in json.load(open("a"))["properties"]["system"]).items()))
'
