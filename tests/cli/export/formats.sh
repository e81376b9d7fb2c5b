# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/refs.heap" refs.hprof
"$HPROF_ANALYZE" export objects refs.hprof -o a.csv -o b.tsv -f json
# the trailing -f is that of b.tsv
head -n 2 a.csv
json b.tsv keys objects.len
