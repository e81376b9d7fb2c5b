# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/refs.heap" refs.hprof
"$HPROF_ANALYZE" paths refs.hprof --class com.acme.Node
"$HPROF_ANALYZE" paths refs.hprof --class com.acme.Node --exclude none
"$HPROF_ANALYZE" paths refs.hprof --class com.acme.Node --exclude none --max 1
