# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/leak.heap" leak.hprof
# A reader that goes away is no error; a full device is.
{ "$HPROF_ANALYZE" export edges leak.hprof; echo "exit $?" >&2; } | head -n 1
"$HPROF_ANALYZE" histogram leak.hprof -o /dev/full
echo "exit $?"
