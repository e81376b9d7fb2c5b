# SPDX-License-Identifier: MIT
# A compressed dump gives the answers of the plain one but for name and size of the file: when its index is built, and with the index, when
# nothing is inflated to anywhere.
"$DUMPGEN" "$HEAPS/leak.heap" leak.hprof
"$TOP/tests/cli/gzip_layouts.py" leak.hprof
mkdir index

# asked DUMP NAME
asked() {
    "$HPROF_ANALYZE" report "$1" --index-dir index -f json > "$2.report"
    "$HPROF_ANALYZE" histogram "$1" --index-dir index -f json > "$2.histogram"
    "$HPROF_ANALYZE" paths "$1" --index-dir index --class java.util.ArrayList -f json > "$2.paths"
    "$HPROF_ANALYZE" threads "$1" --index-dir index -f json > "$2.threads"
    "$HPROF_ANALYZE" export objects "$1" --index-dir index > "$2.objects"
    for answer in "$2".*; do
        sed -e '/^    "file": /,/^    "bytes": /d' -e "s/$1/DUMP/g" "$answer" > .a && mv .a "$answer"
    done
}

asked leak.hprof plain
export TMPDIR=/nonexistent
for layout in one stored chunked bgzip full-headers empty-members zeros-behind; do
    asked $layout.gz first
    chmod a-w index
    "$HPROF_ANALYZE" index info $layout.gz --index-dir index -f json | grep -c GZPC
    asked $layout.gz again
    chmod u+w index
    for what in report histogram paths threads objects; do
        cmp plain.$what first.$what
        cmp plain.$what again.$what
    done
    ls index | grep -c .
    rm first.* again.*
done
