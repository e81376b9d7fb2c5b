# SPDX-License-Identifier: MIT
# What a killed run has left goes with the next one, also if that finds an index or removes it; what only looks alike, or is in use, stays.
exec 2>&1
"$DUMPGEN" "$HEAPS/leak.heap" leak.hprof
mkdir there
leave() {
    touch leak.hprof.hpx.tmp-0123456789ab leak.hprof.hpx.tmp-0123 other.hprof.hpx.tmp-0123456789ab out.json.tmp-0123456789ab
}
leave
"$HPROF_ANALYZE" histogram leak.hprof > /dev/null
ls
leave
"$HPROF_ANALYZE" histogram leak.hprof -o out.json
ls
leave
flock leak.hprof.hpx.tmp-0123456789ab "$HPROF_ANALYZE" histogram leak.hprof > /dev/null
ls leak*
"$HPROF_ANALYZE" index remove leak.hprof
ls
