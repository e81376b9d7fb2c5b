# SPDX-License-Identifier: MIT
says() {
    "$@"
    echo "exit $?"
}
sh "$HEAPS/service.sh" 1 40 0 >old.heap && "$DUMPGEN" old.heap old.hprof
sh "$HEAPS/service.sh" 2 40 5 >new.heap && "$DUMPGEN" new.heap new.hprof
exec 2>&1
for limit in 1% 10% +5K +6K '1% +6K' '10% +5K'; do
    "$HPROF_ANALYZE" compare old.hprof new.hprof --fail-on-growth "$limit" | grep Verdict
    "$HPROF_ANALYZE" compare old.hprof new.hprof --fail-on-growth "$limit" -o out.json
    echo "exit $?"
done
json out.json compare.fail_on_growth
says "$HPROF_ANALYZE" compare old.hprof new.hprof --fail-on-growth 10
says "$HPROF_ANALYZE" compare old.hprof new.hprof --fail-on-growth 10M%
says "$HPROF_ANALYZE" compare old.hprof new.hprof --fail-on-growth ''
says "$HPROF_ANALYZE" compare old.hprof new.hprof --loops 3
says "$HPROF_ANALYZE" compare old.hprof
says "$HPROF_ANALYZE" compare old.hprof none.hprof
