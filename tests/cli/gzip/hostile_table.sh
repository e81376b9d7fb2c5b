# SPDX-License-Identifier: MIT
# A table that somebody has changed: what shows when the index is opened has it rebuilt; what shows later is an error, never a wrong answer.
# The checksum of the section is not looked at on opening, so it need not be right here.
cp "$TOP/testdata/real/shop_jdk17_gz.hprof.gz" a.gz
exec 2>&1
poke() {
    "$TOP/tests/cli/gzip_poke.py" a.gz.hpx "$@"
    "$HPROF_ANALYZE" report a.gz -f json > again
    echo "exit $?"
}

"$HPROF_ANALYZE" report a.gz -f json > first
for field in '0 8' '8 8' '24 4' '28 4' '32 4' '36 4' '40 1' '41 1'; do
    echo "field $field"
    poke $field 0
    cmp first again
done
echo "checksums of all pieces but the first"
poke 32 4 1 1000
"$HPROF_ANALYZE" report a.gz -f json --rebuild | cmp first -
poke 47 1 0
