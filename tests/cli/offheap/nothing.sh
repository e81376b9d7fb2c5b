# SPDX-License-Identifier: MIT
# A heap that tells nothing of its process, and a limit that is none.
"$DUMPGEN" "$HEAPS/calm.heap" calm.hprof
"$HPROF_ANALYZE" offheap calm.hprof
"$HPROF_ANALYZE" offheap calm.hprof --container-limit 60%
