# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/leak.heap" leak.hprof
COLUMNS=80 "$HPROF_ANALYZE" leak.hprof | head -24
