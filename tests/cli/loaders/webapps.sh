# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/webapps.heap" webapps.hprof
"$HPROF_ANALYZE" loaders webapps.hprof
"$HPROF_ANALYZE" loaders webapps.hprof -f json > a
json a loaders.keys loaders.count loaders.stopped loaders.duplicates "loaders.tree.0.children.*.label" loaders.tree.0.children.0.children.0
