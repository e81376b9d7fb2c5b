# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/process.heap" process.hprof
"$HPROF_ANALYZE" offheap process.hprof
for limit in 300MiB 500M 1GiB; do
    "$HPROF_ANALYZE" offheap process.hprof --container-limit $limit | sed -n '/^Container/,/^$/p'
done
