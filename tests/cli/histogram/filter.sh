# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/leak.heap" leak.hprof
"$HPROF_ANALYZE" histogram leak.hprof --filter '^com[.]acme' -n 0
"$HPROF_ANALYZE" histogram leak.hprof --filter zzz
