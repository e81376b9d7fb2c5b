# SPDX-License-Identifier: MIT
# Files that end too early, or go on with nothing.
. "$TOP/tests/cli/damage/chain.inc"
head -c 25000 chain.hprof > within-an-object.hprof
nodes within-an-object.hprof
head -c 25518 chain.hprof > between-segments.hprof
nodes between-segments.hprof
head -c 25522 chain.hprof > within-a-header.hprof
nodes within-a-header.hprof
head -c 25528 chain.hprof > one-byte-of-a-segment.hprof
nodes one-byte-of-a-segment.hprof
zeroed 24010 56728 < chain.hprof > zeros.hprof
nodes zeros.hprof
without 80729 9 < chain.hprof > no-end.hprof
nodes no-end.hprof
{ head -c 25518 chain.hprof; printf 'not a record at all, whatever it is'; } > garbage.hprof
nodes garbage.hprof
head -c 3000 chain.hprof > names-only.hprof
"$HPROF_ANALYZE" histogram names-only.hprof
echo "exit $?"
