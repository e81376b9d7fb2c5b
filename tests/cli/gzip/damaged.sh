# SPDX-License-Identifier: MIT
# Damage of the compressed file: what it costs is told, by a run that inflates and by one that does not, and --strict makes it an error.
"$DUMPGEN" "$HEAPS/leak.heap" leak.hprof
"$TOP/tests/cli/gzip_layouts.py" leak.hprof
exec 2>&1
says() {
    "$@"
    echo "exit $?"
}
warnings() {
    "$HPROF_ANALYZE" report "$1" -f json 2> /dev/null > a
    json a 'warnings.*.message' | grep gzip
}

size=$(wc -c < one.gz)
head -c $((size * 9 / 10)) one.gz > cut.gz
warnings cut.gz | sed 's/[0-9][0-9a-fx.,]*/N/g'
warnings cut.gz | sed 's/[0-9][0-9a-fx.,]*/N/g'

cp one.gz crc.gz
printf 'XXXX' | dd of=crc.gz bs=1 seek=$((size - 8)) conv=notrunc 2> /dev/null
warnings crc.gz
says "$HPROF_ANALYZE" histogram crc.gz -n 1 --strict

# what it costs: of one member, and of a dump in chunks
head -c $(($(wc -c < stored.gz) * 6 / 10)) stored.gz > cut-stored.gz
warnings cut-stored.gz
head -c $(($(wc -c < chunked.gz) * 6 / 10)) chunked.gz > cut-chunked.gz
warnings cut-chunked.gz | sed 's/[0-9][0-9a-fx.,]*/N/g'
says "$HPROF_ANALYZE" histogram cut-stored.gz -n 1 --strict

printf 'garbage' >> chunked.gz
says "$HPROF_ANALYZE" histogram chunked.gz -n 1
says "$HPROF_ANALYZE" histogram chunked.gz -n 1
