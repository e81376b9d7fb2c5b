# SPDX-License-Identifier: MIT
# Dumps through pipes: plain and compressed; the answer is that of the file, and nothing is left behind.
"$DUMPGEN" "$HEAPS/leak.heap" leak.hprof
gzip -k leak.hprof
mkdir tmp
export TMPDIR="$PWD/tmp"
exec 2>&1
says() {
    "$@"
    echo "exit $?"
}
without_name() {
    sed -e '/^    "file": /,/^    "bytes": /d' -e 's/hprof-analyze \([a-z]*\) [^ "]*/hprof-analyze \1 DUMP/'
}

"$HPROF_ANALYZE" report leak.hprof --no-index -f json | without_name > plain
cat leak.hprof | "$HPROF_ANALYZE" -f json - | without_name | cmp plain -
cat leak.hprof.gz | "$HPROF_ANALYZE" report -f json - | without_name | cmp plain -
"$HPROF_ANALYZE" report -f json - < leak.hprof | without_name | cmp plain -
cat leak.hprof | "$HPROF_ANALYZE" report -f json /dev/stdin | without_name | cmp plain -
"$HPROF_ANALYZE" report -f json /dev/stdin < leak.hprof | without_name | cmp plain -
mkfifo pipe
cat leak.hprof > pipe &
"$HPROF_ANALYZE" report -f json pipe | without_name | cmp plain -

cat leak.hprof | "$HPROF_ANALYZE" - -f json > a
json a dump.file
cat leak.hprof | says "$HPROF_ANALYZE" suspects - -n 1 | head -n 3
ls -A . tmp

says "$HPROF_ANALYZE" - < /dev/null
says "$HPROF_ANALYZE" index build -
says "$HPROF_ANALYZE" index info /dev/fd/0
cat leak.hprof | says "$HPROF_ANALYZE" histogram - --index-dir /nonexistent
head -c 3000 leak.hprof | says "$HPROF_ANALYZE" histogram - -n 1 --strict
