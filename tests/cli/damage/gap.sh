# SPDX-License-Identifier: MIT
# Bytes missing in a file of many segments (JDK 15 and later).
. "$TOP/tests/cli/damage/chain.inc"
nodes chain.hprof
without 24010 200 < chain.hprof > within-a-segment.hprof
nodes within-a-segment.hprof
without 24010 4200 < chain.hprof > over-three-segments.hprof
nodes over-three-segments.hprof
without 24010 1508 < chain.hprof > end-of-a-segment.hprof
nodes end-of-a-segment.hprof
without 25518 9 < chain.hprof > header-of-a-segment.hprof
nodes header-of-a-segment.hprof
without 64000 1033 < chain.hprof | without 40000 150 | without 20000 200 > three-places.hprof
nodes three-places.hprof
without 79737 100 < chain.hprof > last-segment.hprof
nodes last-segment.hprof
without 1000 100 < chain.hprof > names.hprof
nodes names.hprof
zeroed 24010 200 < chain.hprof > zeros-within.hprof
nodes zeros-within.hprof
