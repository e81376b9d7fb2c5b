# SPDX-License-Identifier: MIT
# A leak grows every time; what was filled once, and what goes up and down, does not.
n=0
for sizes in '10 0' '40 8' '38 16' '41 24'; do
    n=$((n + 1))
    # shellcheck disable=SC2086 # two numbers
    sh "$HEAPS/service.sh" $n $sizes >$n.heap && "$DUMPGEN" $n.heap $n.hprof
done
"$HPROF_ANALYZE" compare -q 1.hprof 2.hprof 3.hprof 4.hprof
"$HPROF_ANALYZE" compare -q 1.hprof 2.hprof 3.hprof 4.hprof --loops 8 -o eight.json
"$HPROF_ANALYZE" compare -q 1.hprof 2.hprof 3.hprof 4.hprof --loops 9 -o nine.json
json eight.json series.steps series.classes.0 series.dominators.0
json nine.json series.classes.0.steady series.classes.0.grown_steps
"$HPROF_ANALYZE" compare -q 1.hprof 2.hprof 3.hprof --fail-on-growth 1G >text
echo "exit $?"
