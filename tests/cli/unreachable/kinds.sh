# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/webapps.heap" webapps.hprof
"$HPROF_ANALYZE" unreachable webapps.hprof
"$HPROF_ANALYZE" unreachable webapps.hprof -f json > a
json a unreachable.keys unreachable.kinds "unreachable.largest.*.bytes"
"$DUMPGEN" "$HEAPS/calm.heap" calm.hprof
"$HPROF_ANALYZE" unreachable calm.hprof
