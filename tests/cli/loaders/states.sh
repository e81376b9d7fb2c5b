# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/loader_states.heap" states.hprof
"$HPROF_ANALYZE" loaders states.hprof
"$HPROF_ANALYZE" loaders states.hprof -f json > a
json a loaders.stopped "loaders.tree.0.children.0.children.*.state"
