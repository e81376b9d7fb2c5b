# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/leak.heap" leak.hprof
"$HPROF_ANALYZE" threads leak.hprof
"$HPROF_ANALYZE" threads leak.hprof --name main --locals
"$HPROF_ANALYZE" threads leak.hprof --name zzz
