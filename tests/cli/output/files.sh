# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/leak.heap" leak.hprof
"$HPROF_ANALYZE" histogram leak.hprof -n 1 -f json -o a.txt -f text
head -n 2 a.txt
"$HPROF_ANALYZE" histogram leak.hprof -n 1 -o b.json -o b.txt
head -n 2 b.json b.txt
"$HPROF_ANALYZE" histogram leak.hprof -n 1 -o c.out -f json
head -n 2 c.out
ln -s target d.json
echo old > target
"$HPROF_ANALYZE" histogram leak.hprof -n 1 -o d.json
head -n 2 target
"$HPROF_ANALYZE" histogram leak.hprof -n 1 -o /dev/null
ls
