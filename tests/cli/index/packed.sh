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
form() { # DUMP
    "$HPROF_ANALYZE" index info "$1" -n 0 | awk '$1 ~ /^(GROW|GRWP|DIDO|DIDP|DCHI|DCHP|GTGT|GTGP|GSRC|GSRP|JRET|JRTP|MRET|MRTP)$/ { printf "%s ", $1 } END { print "" }'
}
"$DUMPGEN" "$HEAPS/leak.heap" leak.hprof
to=plain questions leak.hprof
to=plain_mat questions leak.hprof --size-model mat
form leak.hprof
# A plain index is good enough for all but a build that asks for a packed one, and a packed one for all.
"$HPROF_ANALYZE" histogram leak.hprof --index-packed > /dev/null
form leak.hprof
"$HPROF_ANALYZE" index build leak.hprof --index-packed | sed 's/(.*)/(SIZE)/'
form leak.hprof
"$HPROF_ANALYZE" index build leak.hprof --index-packed | sed 's/(.*)/(SIZE)/'
"$HPROF_ANALYZE" index build leak.hprof | sed 's/(.*)/(SIZE)/'
"$HPROF_ANALYZE" index verify leak.hprof
to=packed questions leak.hprof
diff -r plain packed
# Another size model, added to a packed index; then the other way round.
to=packed_mat questions leak.hprof --size-model mat
form leak.hprof
diff -r plain_mat packed_mat
"$HPROF_ANALYZE" histogram leak.hprof --rebuild --index-packed --size-model mat > /dev/null
form leak.hprof
to=packed_again questions leak.hprof
form leak.hprof
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
# Records in any order: the marks in the references tell where a row ends, so these stay plain. The heap is large enough for blocks that differ.
{
    echo 'objects shuffled 7'
    cat "$HEAPS/leak.heap"
    echo 'class com.acme.Node fields ref next ref other'
    awk 'BEGIN {
        for (i = 0; i < 6000; i++) printf "object @n%d com.acme.Node next=@n%d other=@n%d\n", i, i + 1, i * 7919 % 6000
        print "object @n6000 com.acme.Node next=@e0"
        print "root jni-global @n0"
    }'
} > nodes.heap
"$DUMPGEN" nodes.heap nodes.hprof
to=nodes questions nodes.hprof
form nodes.hprof
"$HPROF_ANALYZE" index build nodes.hprof --index-packed | sed 's/(.*)/(SIZE)/'
form nodes.hprof
"$HPROF_ANALYZE" index verify nodes.hprof
to=nodes_packed questions nodes.hprof
diff -r nodes nodes_packed
# The same in order: all packed, and smaller.
sed 's/^objects shuffled 7/objects ascending/' nodes.heap > ascending.heap
"$DUMPGEN" ascending.heap ascending.hprof
to=ascending questions ascending.hprof
plain=$(wc -c < ascending.hprof.hpx)
"$HPROF_ANALYZE" index build ascending.hprof --index-packed | sed 's/(.*)/(SIZE)/'
form ascending.hprof
to=ascending_packed questions ascending.hprof
diff -r ascending ascending_packed
[ "$(wc -c < ascending.hprof.hpx)" -lt "$plain" ] || echo "the packed index is not smaller"
