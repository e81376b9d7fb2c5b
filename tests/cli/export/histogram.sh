# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/refs.heap" refs.hprof
"$HPROF_ANALYZE" export histogram refs.hprof
