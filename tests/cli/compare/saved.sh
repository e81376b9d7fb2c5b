# SPDX-License-Identifier: MIT
# Reports and a baseline that the first version saved. Their sizes are by the model that they name.
says() {
    "$@"
    echo "exit $?"
}
exec 2>&1
says "$HPROF_ANALYZE" compare "$TOP/testdata/reports/1/report-before.json" "$TOP/testdata/reports/1/report-after.json" -o compare.json
json compare.json compare.suspects compare.classes.0 compare.dominators old_dump.size_model
sh "$HEAPS/service.sh" 2 11 6 >after.heap && "$DUMPGEN" after.heap after.hprof
"$HPROF_ANALYZE" compare "$TOP/testdata/reports/1/report-after.json" after.hprof --size-model mat -q -o same.json
json same.json compare.classes compare.heap.shallow_bytes
"$HPROF_ANALYZE" check after.hprof --baseline "$TOP/testdata/reports/1/baseline.json" --size-model mat -q --no-config --max-growth 1% --floor 0 -f github
echo "exit $?"
