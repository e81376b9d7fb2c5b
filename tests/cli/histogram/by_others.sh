# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/leak.heap" leak.hprof
"$HPROF_ANALYZE" histogram leak.hprof --by package
"$HPROF_ANALYZE" histogram leak.hprof --by loader
