# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/leak.heap" leak.hprof
says() {
    "$@"
    echo "exit $?"
}

exec 2>&1
says "$HPROF_ANALYZE" index info leak.hprof
says "$HPROF_ANALYZE" index verify leak.hprof
says "$HPROF_ANALYZE" index remove leak.hprof
"$HPROF_ANALYZE" index build leak.hprof | sed 's/(.*)/(SIZE)/'
"$HPROF_ANALYZE" index build leak.hprof | sed 's/(.*)/(SIZE)/'
ls
"$HPROF_ANALYZE" index info leak.hprof -f json > a
json a index.keys index.file index.format index.sections.0.keys
says "$HPROF_ANALYZE" index verify leak.hprof
printf 'X' | dd of=leak.hprof.hpx bs=1 seek=8192 conv=notrunc 2> /dev/null
"$HPROF_ANALYZE" index verify leak.hprof > /dev/null 2>&1
echo "exit $?"
says "$HPROF_ANALYZE" index remove leak.hprof
ls
