# SPDX-License-Identifier: MIT
says() {
    "$@"
    echo "exit $?"
}
"$DUMPGEN" "$HEAPS/leak.heap" leak.hprof

exec 2>&1
echo "This is a text, not a dump." > text.hprof
: > empty.hprof
head -c 20 leak.hprof > head.hprof
says "$HPROF_ANALYZE" text.hprof
says "$HPROF_ANALYZE" empty.hprof
says "$HPROF_ANALYZE" head.hprof
says "$HPROF_ANALYZE" report .
says "$HPROF_ANALYZE" report leak.hprof -o no/such/folder/x
says "$HPROF_ANALYZE" report leak.hprof -o leak.hprof
