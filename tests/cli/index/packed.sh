# SPDX-License-Identifier: MIT
# A packed index: every command says the same, whichever form the index has and however it came to be.
exec 2>&1
questions() { # DUMP OPTIONS...: all answers into the folder "$to"
    mkdir -p "$to"
    for question in report suspects histogram top threads dominators loaders unreachable offheap properties 'export objects' 'export edges' \
        'histogram --by package --keep-unreachable' 'dominators --by class' 'paths --class byte[]'; do
        # shellcheck disable=SC2086
        "$HPROF_ANALYZE" $question "$@" > "$to/$(echo "$question" | tr ' /[]' '____')"
    done
    "$HPROF_ANALYZE" report "$@" -f json > "$to/json"
}
form() {
    "$HPROF_ANALYZE" index info leak.hprof -n 0 | awk '$1 ~ /^(DIDO|DIDP|DCHI|DCHP|GTGT|GTGP|GSRC|GSRP|JRET|JRTP|MRET|MRTP)$/ { printf "%s ", $1 } END { print "" }'
}
"$DUMPGEN" "$HEAPS/leak.heap" leak.hprof
to=plain questions leak.hprof
to=plain_mat questions leak.hprof --size-model mat
form
# A plain index is good enough for all but a build that asks for a packed one, and a packed one for all.
"$HPROF_ANALYZE" histogram leak.hprof --index-packed > /dev/null
form
"$HPROF_ANALYZE" index build leak.hprof --index-packed | sed 's/(.*)/(SIZE)/'
form
"$HPROF_ANALYZE" index build leak.hprof --index-packed | sed 's/(.*)/(SIZE)/'
"$HPROF_ANALYZE" index build leak.hprof | sed 's/(.*)/(SIZE)/'
"$HPROF_ANALYZE" index verify leak.hprof
to=packed questions leak.hprof
diff -r plain packed
# Another size model, added to a packed index; then the other way round.
to=packed_mat questions leak.hprof --size-model mat
form
diff -r plain_mat packed_mat
"$HPROF_ANALYZE" histogram leak.hprof --rebuild --index-packed --size-model mat > /dev/null
form
to=packed_again questions leak.hprof
form
diff -r plain packed_again
"$HPROF_ANALYZE" index verify leak.hprof
# Any number of threads makes the same bytes.
for threads in 1 2 8; do
    "$HPROF_ANALYZE" index build leak.hprof --index-packed --rebuild -j $threads > /dev/null
    cp leak.hprof.hpx threads.$threads
done
cmp threads.1 threads.2 && cmp threads.1 threads.8
# Without a file there is nothing to pack.
"$HPROF_ANALYZE" report leak.hprof -f json --no-index --index-packed | cmp - plain/json
ls leak.*
