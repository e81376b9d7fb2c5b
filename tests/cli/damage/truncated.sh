# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/leak.heap" leak.hprof
says() {
    "$@"
    echo "exit $?"
}

head -c 150000 leak.hprof > cut.hprof
"$HPROF_ANALYZE" cut.hprof | tail -n 3
says "$HPROF_ANALYZE" histogram cut.hprof -n 1
says "$HPROF_ANALYZE" histogram cut.hprof -n 1 -q
says "$HPROF_ANALYZE" histogram cut.hprof -n 1 --strict
"$HPROF_ANALYZE" cut.hprof -f json > a
json a 'warnings.*.code' 'warnings.*.severity'
