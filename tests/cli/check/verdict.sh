# SPDX-License-Identifier: MIT
# Every kind of rule, in every format.
export SOURCE_DATE_EPOCH=1795305600 # 2026-11-22
sh "$HEAPS/service.sh" 1 40 0 >a.heap && "$DUMPGEN" a.heap a.hprof
sh "$HEAPS/service.sh" 2 40 10 >b.heap && "$DUMPGEN" b.heap b.hprof
cp "$HEAPS/gate.yaml" hprof-gate.yaml
"$HPROF_ANALYZE" check -q a.hprof --update-baseline
cat base.json
"$HPROF_ANALYZE" check -q b.hprof -f text -f json -o check.json -o gate.xml -o gate.sarif -o gate.md -f gitlab -o gitlab.json -f github -o github.txt
echo "exit $?"
json check.json check.passed check.failed check.rules.0
sed 's|"version" value="[^"]*"|"version" value="…"|' gate.xml
cat gate.md gitlab.json github.txt
"$TOP/tests/gate/verdicts.py" junit gate.xml sarif gate.sarif gitlab gitlab.json github github.txt

# The run that the baseline was made of, the same heap of another run, and one that is a little larger.
"$HPROF_ANALYZE" check -q a.hprof --no-config --baseline base.json --max-growth 0
echo "exit $?"
sh "$HEAPS/service.sh" 3 40 0 >c.heap && "$DUMPGEN" c.heap c.hprof
"$HPROF_ANALYZE" check -q c.hprof --no-config --baseline base.json
echo "exit $?"
"$HPROF_ANALYZE" check -q c.hprof --baseline again.json --update-baseline >out
cmp base.json again.json && echo "another run writes the same baseline"
