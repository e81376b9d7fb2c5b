# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/leak.heap" leak.hprof
# A string of the heap reaches the terminal escaped, and JSON as it is.
"$HPROF_ANALYZE" top leak.hprof -n 0 | grep esc
"$HPROF_ANALYZE" top leak.hprof -f json > a
json a 'top.objects.*.label' | grep -c "$(printf 'esc\033')"
