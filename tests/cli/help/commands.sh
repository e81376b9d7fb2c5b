# SPDX-License-Identifier: MIT
for command in report suspects histogram top threads dominators paths object export index help; do
    "$HPROF_ANALYZE" help $command
    echo ----
done
