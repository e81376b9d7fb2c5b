# SPDX-License-Identifier: MIT
"$HPROF_ANALYZE" help
"$HPROF_ANALYZE" --help | cmp - /dev/stdin <<EOF
$("$HPROF_ANALYZE" help)
EOF
