# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/leak.heap" leak.hprof
# Phases and progress are told on stderr only.
"$HPROF_ANALYZE" histogram leak.hprof -n 1 --rebuild -v 2> err
head -n 1 err
grep -c resident err
"$HPROF_ANALYZE" histogram leak.hprof -n 1 --rebuild --progress always 2> err
cat err
