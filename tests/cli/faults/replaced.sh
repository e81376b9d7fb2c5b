# SPDX-License-Identifier: MIT
# An index that is not of this dump, or no index: one line about it, the right answer, and the next time all is well.
exec 2>&1
"$DUMPGEN" "$HEAPS/leak.heap" leak.hprof
"$DUMPGEN" "$HEAPS/calm.heap" calm.hprof
"$HPROF_ANALYZE" histogram --no-index leak.hprof > right
"$HPROF_ANALYZE" histogram --no-index calm.hprof > calm
"$HPROF_ANALYZE" index build leak.hprof > /dev/null
"$HPROF_ANALYZE" index build calm.hprof > /dev/null
cp -p leak.hprof dump
cp -p leak.hprof.hpx index

ask() {
    "$HPROF_ANALYZE" histogram leak.hprof > answer
    code=$?
    cmp -s answer "${1:-right}" && echo "exit $code, the answer is right" || echo "exit $code, the answer is WRONG"
    "$HPROF_ANALYZE" histogram leak.hprof > answer
    cmp -s answer "${1:-right}" || echo "the next answer is WRONG"
    "$HPROF_ANALYZE" index verify leak.hprof > /dev/null || echo "the new index is wrong"
    cp -p dump leak.hprof
    cp -p index leak.hprof.hpx
}
# poke OFFSET OCTAL...: bytes of the index
poke() {
    at=$1
    shift
    printf "$(printf '\\%s' "$@")" | dd of=leak.hprof.hpx bs=1 seek="$at" conv=notrunc 2> /dev/null
}

echo '-- the same dump, touched'
touch -d '2001-02-03' leak.hprof
ask
echo '-- another dump, of another size'
cp calm.hprof leak.hprof
ask calm
echo '-- the same size, other bytes, another time'
size=$(wc -c < dump)
{ cat calm.hprof; head -c "$size" /dev/zero; } | head -c "$size" > leak.hprof
"$HPROF_ANALYZE" histogram --no-index -q leak.hprof > padded
"$HPROF_ANALYZE" histogram -q leak.hprof > answer
cmp answer padded && echo "the answer is right"
"$HPROF_ANALYZE" index verify leak.hprof
cp -p dump leak.hprof
cp -p index leak.hprof.hpx
echo '-- the same size and time, other bytes'
printf 'x' | dd of=leak.hprof bs=1 seek=150000 conv=notrunc 2> /dev/null
printf '1.0.1' | dd of=leak.hprof bs=1 seek=13 conv=notrunc 2> /dev/null
touch -r dump leak.hprof
"$HPROF_ANALYZE" histogram --no-index -q leak.hprof > other
"$HPROF_ANALYZE" histogram leak.hprof > answer
cmp answer other && echo "the answer is right"
"$HPROF_ANALYZE" report -f json -q leak.hprof > answer.json
json answer.json dump.format
cp -p dump leak.hprof
cp -p index leak.hprof.hpx
echo '-- smaller'
head -c 100000 dump > leak.hprof
"$HPROF_ANALYZE" histogram --no-index -q leak.hprof > smaller
"$HPROF_ANALYZE" histogram leak.hprof > answer
cmp answer smaller && echo "the answer is right"
cp -p dump leak.hprof
cp -p index leak.hprof.hpx
echo '-- the index of another dump'
cp -p calm.hprof.hpx leak.hprof.hpx
ask
echo '-- of another format'
poke 8 377
ask
echo '-- of a machine with the other byte order'
poke 8 0 0 0 1
ask
echo '-- of another version of the program, which is fine'
"$HPROF_ANALYZE" index verify leak.hprof
echo '-- without a header'
head -c 4096 /dev/zero | dd of=leak.hprof.hpx conv=notrunc 2> /dev/null
ask
echo '-- a header and no more'
head -c 4096 index > leak.hprof.hpx
ask
echo '-- half of it'
head -c "$(($(wc -c < index) / 2))" index > leak.hprof.hpx
"$HPROF_ANALYZE" index info leak.hprof
echo "exit $?"
"$HPROF_ANALYZE" index verify leak.hprof
echo "exit $?"
ask
echo '-- nothing of it'
: > leak.hprof.hpx
ask
echo '-- a byte more'
echo >> leak.hprof.hpx
ask
echo '-- a folder'
rm leak.hprof.hpx
mkdir leak.hprof.hpx
"$HPROF_ANALYZE" histogram leak.hprof > answer
cmp answer right && echo "the answer is right"
rmdir leak.hprof.hpx
cp -p index leak.hprof.hpx
echo '-- a second heap in the dump'
cat leak.hprof > two.hprof
"$HPROF_ANALYZE" index build two.hprof > /dev/null
"$DUMPGEN" "$HEAPS/calm.heap" calm2.hprof
tail -c +32 calm2.hprof >> two.hprof
"$HPROF_ANALYZE" histogram --no-index -q two.hprof > answer.no
"$HPROF_ANALYZE" histogram -q two.hprof > answer
cmp answer answer.no && echo "the answer is right"
ls | grep -v -x -e answer -e right -e calm -e dump -e index
