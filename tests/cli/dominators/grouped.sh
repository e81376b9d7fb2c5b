# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/leak.heap" leak.hprof
for by in class package loader; do "$HPROF_ANALYZE" dominators leak.hprof -n 3 --by $by; done
