# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/leak.heap" leak.hprof
mkdir there
"$HPROF_ANALYZE" histogram leak.hprof --index-dir there > /dev/null
"$HPROF_ANALYZE" histogram leak.hprof --no-index > /dev/null
ls . there | sed 's/-[0-9a-f]*[.]hpx/-HASH.hpx/'
