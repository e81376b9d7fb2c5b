# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/refs.heap" refs.hprof
"$HPROF_ANALYZE" export edges refs.hprof | grep -v '<class>\|<super>'
