# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/leak.heap" leak.hprof
"$HPROF_ANALYZE" threads leak.hprof -f json > a
json a threads.0.keys threads.1.keys "threads.*.name" threads.1.frames.1 threads.0.frames.0
