# SPDX-License-Identifier: MIT
sh "$HEAPS/service.sh" 1 40 0 >old.heap && "$DUMPGEN" old.heap old.hprof
sh "$HEAPS/service.sh" 2 38 30 >new.heap && "$DUMPGEN" new.heap new.hprof
exec 2>&1
"$HPROF_ANALYZE" compare old.hprof new.hprof

# A heap is like itself; the lambda of another run is the same class.
sh "$HEAPS/service.sh" 3 40 0 >again.heap && "$DUMPGEN" again.heap again.hprof
"$HPROF_ANALYZE" compare old.hprof again.hprof -q
"$HPROF_ANALYZE" compare old.hprof new.hprof -f json >new.json
json new.json command dump.file old_dump.file compare.keys compare.heap.shallow_bytes compare.classes.0 compare.suspects compare.dominators.0
