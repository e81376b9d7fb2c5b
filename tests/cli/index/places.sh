# SPDX-License-Identifier: MIT
# What compare and check look for in the whole heap is kept in the index: by `index build`, and by whoever asks first. Answers are the same.
sh "$HEAPS/service.sh" 1 40 0 >old.heap && "$DUMPGEN" old.heap old.hprof
sh "$HEAPS/service.sh" 2 38 30 >new.heap && "$DUMPGEN" new.heap new.hprof
has_places() {
    "$HPROF_ANALYZE" index info "$1" | grep -c -e JPLC -e JPLT
}
exec 2>&1
"$HPROF_ANALYZE" compare old.hprof new.hprof --no-index -q >plain
ls ./*.hpx 2>/dev/null

echo "-- asked first"
"$HPROF_ANALYZE" report old.hprof -q >/dev/null
"$HPROF_ANALYZE" report new.hprof -q >/dev/null
has_places new.hprof
"$HPROF_ANALYZE" compare old.hprof new.hprof -q >first
has_places new.hprof
"$HPROF_ANALYZE" compare old.hprof new.hprof -q >second
cmp plain first && cmp plain second && echo same
"$HPROF_ANALYZE" index verify old.hprof

echo "-- built"
"$HPROF_ANALYZE" index build new.hprof --rebuild -q
has_places new.hprof
"$HPROF_ANALYZE" index build new.hprof | sed 's/(.*)/(SIZE)/'
"$HPROF_ANALYZE" compare old.hprof new.hprof -q | cmp - plain && echo same

echo "-- built before by a question"
"$HPROF_ANALYZE" report new.hprof -q --rebuild >/dev/null
has_places new.hprof
"$HPROF_ANALYZE" index build new.hprof | sed 's/(.*)/(SIZE)/'
has_places new.hprof

echo "-- another size model"
"$HPROF_ANALYZE" compare old.hprof new.hprof --no-index --size-model mat -q >plain.mat
"$HPROF_ANALYZE" compare old.hprof new.hprof --size-model mat -q | cmp - plain.mat && echo same
"$HPROF_ANALYZE" index info new.hprof | grep -c -e MPLC -e MPLT
"$HPROF_ANALYZE" compare old.hprof new.hprof -q | cmp - plain && echo same
"$HPROF_ANALYZE" index verify new.hprof

echo "-- no room for them"
"$HPROF_ANALYZE" report new.hprof -q --rebuild >/dev/null
(
    ulimit -f $(($(wc -c <new.hprof.hpx) / 512 + 1))
    "$HPROF_ANALYZE" compare old.hprof new.hprof >limited
)
cmp plain limited && echo same
has_places new.hprof
"$HPROF_ANALYZE" index verify new.hprof
