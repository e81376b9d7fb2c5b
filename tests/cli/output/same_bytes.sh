# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/leak.heap" leak.hprof
# With any number of threads, from a fresh run and from an index.
"$HPROF_ANALYZE" leak.hprof -f json -j 1 --no-index > a
"$HPROF_ANALYZE" leak.hprof -f json -j 8 --rebuild > b
"$HPROF_ANALYZE" leak.hprof -f json > c
gzip -k leak.hprof
cmp a b && cmp a c
"$HPROF_ANALYZE" export objects leak.hprof > d
"$HPROF_ANALYZE" export objects leak.hprof.gz > e
cmp d e
