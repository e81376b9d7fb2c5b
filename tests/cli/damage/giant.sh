# SPDX-License-Identifier: MIT
# Damage to a heap in one record (JDK 14 and before).
. "$TOP/tests/cli/damage/chain.inc"
giant 1c n end < chain.hprof > whole.hprof
nodes whole.hprof
without 30000 1000 < whole.hprof > hole.hprof
nodes hole.hprof
zeroed 60000 300 < whole.hprof | without 50000 10 | without 30000 1000 > three-places.hprof
nodes three-places.hprof
head -c 30000 whole.hprof > cut.hprof
nodes cut.hprof
giant 1c 0 end < chain.hprof > no-length.hprof
nodes no-length.hprof
giant 0c 0 < chain.hprof > no-length-1.0.1.hprof
nodes no-length-1.0.1.hprof
giant 0c n < chain.hprof | without 30000 1000 > hole-1.0.1.hprof
nodes hole-1.0.1.hprof
