# SPDX-License-Identifier: MIT
# As another user, for whom permissions hold. Each case: what it says, how it ends, what is there afterwards.
if [ "$(id -u)" -ne 0 ] || ! setpriv --reuid=65534 --regid=65534 --clear-groups true 2> /dev/null; then
    echo "only root can become another user" >&2
    exit 77
fi
exec 2>&1
stage=$(mktemp -d)
trap 'chmod -R u+w "$stage"; rm -rf "$stage"' EXIT
chmod 755 "$stage"
cp "$HPROF_ANALYZE" "$stage/program"
chmod 755 "$stage/program"
cd "$stage"
"$DUMPGEN" "$HEAPS/leak.heap" leak.hprof
./program report --no-index leak.hprof > right

# a folder of nobody's own, and a home
fresh() {
    cd "$stage"
    rm -rf work home
    mkdir -m 755 work home
    cp leak.hprof work/
    chown -R 65534:65534 work home
    cd work
}
as_nobody() {
    env -u XDG_CACHE_HOME HOME="$stage/home" setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}
# runs it, says whether the answer is right, and lists what is there
ask() {
    as_nobody "$@" ../program report leak.hprof > ../answer
    code=$?
    cmp -s ../answer ../right && answer=right || answer="$(wc -c < ../answer) bytes"
    echo "exit $code, answer: $answer"
    (cd .. && find work home \( -name '*.hpx*' -o -name '*.json*' \) | sort | sed 's/-[0-9a-f]\{16\}/-HASH/')
}

echo '-- a folder of one'\''s own'
fresh
ask

echo '-- an unreadable dump'
fresh
chmod 0 leak.hprof
ask

echo '-- a folder that cannot be searched'
fresh
chown 0:0 .
chmod 700 .
cd ..
as_nobody ./program report work/leak.hprof
echo "exit $?"
as_nobody ./program index remove work/leak.hprof
echo "exit $?"

echo '-- a read-only folder: the index goes to the cache, and is found there'
fresh
chown 0:0 .
ask
as_nobody ../program index build leak.hprof | sed 's/-[0-9a-f]\{16\}/-HASH/; s/(.*)/(SIZE)/; s/ .*home/ HOME/'
as_nobody ../program index remove leak.hprof
ask env TMPDIR=/nonexistent

echo '-- neither folder nor home can be written'
fresh
chown 0:0 . ../home
ask
as_nobody ../program index build leak.hprof
echo "exit $?"

echo '-- no HOME'
fresh
chown 0:0 .
ask env -u HOME

echo '-- nor a folder for temporary files'
ask env -u HOME TMPDIR=/nonexistent

echo '-- an index that cannot be read is made anew'
fresh
as_nobody ../program index build leak.hprof > /dev/null
chown 0:0 leak.hprof.hpx
chmod 600 leak.hprof.hpx
as_nobody ../program index verify leak.hprof
echo "exit $?"
ask
as_nobody ../program index verify leak.hprof
echo "exit $?"

echo '-- an index that can be read but not written is used'
fresh
as_nobody ../program index build leak.hprof > /dev/null
chown 0:0 leak.hprof.hpx .
ask

echo '-- one that can be removed by others only'
as_nobody ../program index remove leak.hprof
echo "exit $?"

echo '-- --index-dir cannot be written: the next place is taken'
fresh
mkdir "$stage/home/index"
chown 0:0 "$stage/home/index"
as_nobody ../program histogram --index-dir ../home/index leak.hprof > /dev/null
echo "exit $?"
ls

echo '-- output into a folder that is missing, or not ours: told before the dump is read'
fresh
as_nobody ../program report -o none/a.json missing.hprof
echo "exit $?"
chown 0:0 .
as_nobody ../program report -o a.json leak.hprof
echo "exit $?"
ls

echo '-- output over a file that is not ours, in a folder that is'
fresh
echo theirs > a.json
as_nobody ../program report --no-index -o a.json leak.hprof
echo "exit $?"
json a.json command

echo '-- a pipe, and no folder for its copy'
as_nobody env TMPDIR=/nonexistent ../program report - < leak.hprof > ../answer
echo "exit $?"
cat leak.hprof | as_nobody env TMPDIR=/nonexistent ../program report -
echo "exit $?"
