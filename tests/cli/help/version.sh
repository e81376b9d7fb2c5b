# SPDX-License-Identifier: MIT
"$HPROF_ANALYZE" --version
"$HPROF_ANALYZE" histogram --version nosuch.hprof
