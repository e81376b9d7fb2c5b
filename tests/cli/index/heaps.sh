# SPDX-License-Identifier: MIT
# Twenty heaps in a dump: the last one's index is found whatever its number is.
{
    cat "$HEAPS/leak.heap"
    yes 'heap copy' | head -n 19
} > many.heap
"$DUMPGEN" many.heap many.hprof
exec 2>&1
for where in '' '--index-dir there'; do
    mkdir -p there
    "$HPROF_ANALYZE" index build many.hprof --heap 3 $where | sed 's/(.*)/(SIZE)/; s/-[0-9a-f]*[.]/-HASH./'
    "$HPROF_ANALYZE" index verify many.hprof $where | sed 's/-[0-9a-f]*[.]/-HASH./'
    "$HPROF_ANALYZE" index build many.hprof $where | sed 's/(.*)/(SIZE)/; s/-[0-9a-f]*[.]/-HASH./'
    "$HPROF_ANALYZE" index build many.hprof $where | sed 's/(.*)/(SIZE)/; s/-[0-9a-f]*[.]/-HASH./'
    "$HPROF_ANALYZE" index info many.hprof $where -f json > a
    json a index.file | sed 's/-[0-9a-f]*[.]/-HASH./'
    "$HPROF_ANALYZE" index verify many.hprof --heap 3 $where | sed 's/-[0-9a-f]*[.]/-HASH./'
    "$HPROF_ANALYZE" index remove many.hprof $where
done
# "many.hprof.1" is another dump, and its index none of this one.
"$DUMPGEN" "$HEAPS/leak.heap" many.hprof.1
"$HPROF_ANALYZE" index build many.hprof.1 | sed 's/(.*)/(SIZE)/'
"$HPROF_ANALYZE" index verify many.hprof
echo "exit $?"
