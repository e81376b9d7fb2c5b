# SPDX-License-Identifier: MIT
says() {
    "$@"
    echo "exit $?"
}
sh "$HEAPS/service.sh" 1 40 0 >old.heap && "$DUMPGEN" old.heap old.hprof
sh "$HEAPS/service.sh" 2 38 30 >new.heap && "$DUMPGEN" new.heap new.hprof
exec 2>&1
"$HPROF_ANALYZE" report old.hprof -q -o old.json
"$HPROF_ANALYZE" report new.hprof -q -o new.json

# From saved reports as from dumps, except for the dominator tree.
"$HPROF_ANALYZE" compare old.json new.json -q
"$HPROF_ANALYZE" compare old.hprof new.hprof -q -o dumps.json
"$HPROF_ANALYZE" compare old.json new.hprof -q -o mixed.json
json dumps.json compare.classes compare.suspects compare.heap >dumps.txt
json mixed.json compare.classes compare.suspects compare.heap | cmp - dumps.txt && echo same

# What cannot be compared.
"$HPROF_ANALYZE" report old.hprof -q -n 3 -o cut.json
"$HPROF_ANALYZE" histogram old.hprof -q --by package -o package.json
"$HPROF_ANALYZE" threads old.hprof -q -o threads.json
"$HPROF_ANALYZE" histogram old.hprof -q --sort shallow --no-index -o shallow.json
sed 's|"hprof-analyze/1"|"hprof-analyze/7"|' old.json >later.json
sed 's|"instances": 40|"instances": "many"|' old.json >damaged.json
sed 's|"size_model": "[a-z]*"|"size_model": "other"|' old.json >model.json
head -c 2000 old.json >half.json
echo '{ "name": "something else" }' >other.json
for bad in cut package threads shallow later damaged model half other; do
    says "$HPROF_ANALYZE" compare "$bad.json" new.hprof -q
done
