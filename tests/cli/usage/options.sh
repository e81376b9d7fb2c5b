# SPDX-License-Identifier: MIT
says() {
    "$@"
    echo "exit $?"
}

exec 2>&1
says "$HPROF_ANALYZE" histogram a --sotr x
says "$HPROF_ANALYZE" histogram a --nonsense
says "$HPROF_ANALYZE" histogram a -x
says "$HPROF_ANALYZE" histogram a --sort
says "$HPROF_ANALYZE" histogram a --sort size
says "$HPROF_ANALYZE" histogram a --by=classes
says "$HPROF_ANALYZE" histogram a -n five
says "$HPROF_ANALYZE" histogram a -n -1
says "$HPROF_ANALYZE" histogram a --quiet=yes
says "$HPROF_ANALYZE" histogram a -j 0
says "$HPROF_ANALYZE" histogram a --filter '('
says "$HPROF_ANALYZE" histogram a --format yaml
says "$HPROF_ANALYZE" histogram a --format jsn
says "$HPROF_ANALYZE" histogram a -f json -f text
says "$HPROF_ANALYZE" histogram a -o x -o x
says "$HPROF_ANALYZE" suspects a --threshold 101%
says "$HPROF_ANALYZE" suspects a --threshold many
says "$HPROF_ANALYZE" dominators a --depth 0
says "$HPROF_ANALYZE" dominators a --object 12
says "$HPROF_ANALYZE" object a 12
says "$HPROF_ANALYZE" paths a --object 0x1 --exclude weak,,soft
says "$HPROF_ANALYZE" paths a --object 0x1 --exclude '#x'
says "$HPROF_ANALYZE" index build a --no-index
