# SPDX-License-Identifier: MIT
# Help asked for is given, on stdout, exit code 0, wherever it is asked for.
"$HPROF_ANALYZE" histogram --help > a
"$HPROF_ANALYZE" help histogram > b
"$HPROF_ANALYZE" histogram nosuch.hprof -h > c
cmp a b && cmp a c
"$HPROF_ANALYZE" -h > d
"$HPROF_ANALYZE" help > e
cmp d e
