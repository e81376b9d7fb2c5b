# SPDX-License-Identifier: MIT
# A parallel dump (JDK 22 and later) whose parts were not put together.
. "$TOP/tests/cli/damage/chain.inc"
head -c 3537 chain.hprof > base.hprof
head -c 25518 chain.hprof | tail -c +3538 > base.hprof.p0
head -c 80729 chain.hprof | tail -c +25519 > base.hprof.p1
"$HPROF_ANALYZE" base.hprof --no-index
echo "exit $?"
"$HPROF_ANALYZE" base.hprof.p0 --no-index
echo "exit $?"

# the first part was put in place before the JVM died
cat base.hprof base.hprof.p0 > half.hprof
cp base.hprof.p1 half.hprof.p1
nodes half.hprof
nodes chain.hprof

# as the sentence says
cat half.hprof half.hprof.p1 > whole.hprof
nodes whole.hprof
