# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/refs.heap" refs.hprof
"$HPROF_ANALYZE" export objects refs.hprof -o a.csv -o b.tsv -f json
head -n 2 a.csv b.tsv
