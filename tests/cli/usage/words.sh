# SPDX-License-Identifier: MIT
says() {
    "$@"
    echo "exit $?"
}

# What the first word can be, and what is missing or too much.
exec 2>&1
says "$HPROF_ANALYZE"
says "$HPROF_ANALYZE" nosuch
says "$HPROF_ANALYZE" nosuch.hprof
says "$HPROF_ANALYZE" no/such
says "$HPROF_ANALYZE" histgram nosuch.hprof
says "$HPROF_ANALYZE" hist nosuch.hprof
says "$HPROF_ANALYZE" histogram
says "$HPROF_ANALYZE" histogram a b
says "$HPROF_ANALYZE" object a
says "$HPROF_ANALYZE" export objects
says "$HPROF_ANALYZE" index rebuild a
says "$HPROF_ANALYZE" export nodes a
says "$HPROF_ANALYZE" paths a
says "$HPROF_ANALYZE" paths a --object 0x1 --class A
says "$HPROF_ANALYZE" help nosuch
says "$HPROF_ANALYZE" help histograms
