# SPDX-License-Identifier: MIT
# The manual page in docs/ is what the program writes; every option of the help is in it.
"$HPROF_ANALYZE" help --man > man
cmp man "$TOP/docs/hprof-analyze.1" || echo "write it anew: hprof-analyze help --man > docs/hprof-analyze.1"
for command in report suspects histogram top threads dominators paths object export index help; do
    "$HPROF_ANALYZE" help $command | sed -n 's/^ *\(-., \)\{0,1\}--\([a-z-]*\).*/\2/p' | sort -u | while read -r option; do
        sed 's/\\-/-/g' man | grep -q -e "--$option" || echo "$command: --$option is not in the manual page"
    done
    sed 's/\\-/-/g' man | grep -q "hprof-analyze $command " || echo "$command is not in the manual page"
done
