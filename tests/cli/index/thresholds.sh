# SPDX-License-Identifier: MIT
# Suspects of other thresholds are kept in the index: by `index build`, and by whoever asks first, for four thresholds. Answers are the same.
# Objects of six classes, of which two lists have all each, so that nothing but the root dominates them.
groups="Alpha 60 Beta 20 Gamma 9 Delta 7 Epsilon 3 Zeta 2"
{
    echo "use jdk17"
    for list in First Second; do
        echo "class com.acme.$list statics ref LIST=@$list"
        echo "root sticky com.acme.$list"
    done
    set -- $groups
    all=""
    while [ $# -gt 0 ]; do
        echo "class com.acme.$1 fields ref payload"
        i=0
        while [ "$i" -lt "$2" ]; do
            i=$((i + 1))
            echo "object @$1$i com.acme.$1 payload=@$1Bytes$i"
            echo "bytes @$1Bytes$i 1000"
            all="$all @$1$i"
        done
        shift 2
    done
    echo "array @First java.lang.Object[] [$all]"
    echo "array @Second java.lang.Object[] [$all]"
} >groups.heap
"$DUMPGEN" groups.heap groups.hprof
asked() {
    "$HPROF_ANALYZE" index info groups.hprof | grep -c 'JSU[1-9]'
}
suspects() {
    "$HPROF_ANALYZE" suspects --threshold "$1" groups.hprof -q >with
    "$HPROF_ANALYZE" suspects --threshold "$1" groups.hprof -q --no-index >without
    cmp with without && echo "$1: $(grep -c '^[0-9]*\. ' with) suspects, $(asked) thresholds kept"
}
exec 2>&1

echo "-- asked first"
"$HPROF_ANALYZE" report groups.hprof -q >/dev/null
asked
for threshold in 10% 0.9% 0.8% 7% 7% 5% 2% 1.5% 20% 0.5% 1.2% 2%; do
    suspects "$threshold"
done
"$HPROF_ANALYZE" index verify groups.hprof

echo "-- built"
"$HPROF_ANALYZE" index build groups.hprof --rebuild -q
asked
for threshold in 7% 5% 1%; do
    suspects "$threshold"
done
