# SPDX-License-Identifier: MIT
# Every code of damage once: the answer is given all the same, and --strict makes it an error (exit code 3), also when the list comes from the index.
. "$TOP/tests/cli/damage/chain.inc"
tell() {
    "$HPROF_ANALYZE" histogram "$1" --index-dir . -f json -q > a
    echo "$1: $(json a 'warnings.*.code' | tr '\n' ' ')rows $(json a 'histogram.*.class' | wc -l | sed 's/^0$/none/; s/^[0-9][0-9]*$/some/')"
    "$HPROF_ANALYZE" histogram "$1" --index-dir . --strict > out 2> err
    echo "  with index: exit $?, $(wc -c < out) bytes of answer, $(grep -c 'and --strict was given' err) line"
    "$HPROF_ANALYZE" histogram "$1" --no-index --strict > out 2> err
    echo "  without: exit $?, $(wc -c < out) bytes of answer"
}
tell chain.hprof
head -c 25000 chain.hprof > truncated.hprof
tell truncated.hprof
giant 1c 0 end < chain.hprof > zero-length.hprof
tell zero-length.hprof
without 24010 200 < chain.hprof > gap.hprof
tell gap.hprof
with 25518 'b"\x77" + bytes(4) + struct.pack(">I", 50) + b"x" * 50' < chain.hprof > unknown-record.hprof
tell unknown-record.hprof

# a long[] of 4 GiB behind the objects, in a sparse file; the length of the record is what is left of it modulo 2^32
giant 1c n < chain.hprof > giant.hprof
python3 - <<'PYTHON'
import struct
data = open("giant.hprof", "rb").read()
head = b"\x23" + struct.pack(">QIIB", 0x900000000, 1, 0x20000000, 11)
length = len(data) - 3537 - 9 + len(head) + (1 << 32)
with open("wrapped-length.hprof", "wb") as out:
    out.write(data[:3542] + struct.pack(">I", length % (1 << 32)) + data[3546:] + head)
    out.seek(1 << 32, 1)
    out.write(b"\x2c" + bytes(8))
PYTHON
tell wrapped-length.hprof
rm wrapped-length.hprof*

make() {
    { echo 'use jdk17'; cat; } > "$1.heap"
    "$DUMPGEN" "$1.heap" "$1.hprof"
    tell "$1.hprof"
}
make bad-instance-size <<'HEAP'
class com.acme.Foo fields ref a int n
object @o com.acme.Foo bytes 00
root jni-global @o
HEAP
make bad-array-type <<'HEAP'
class com.acme.Foo @0x40000 fields ref a
raw heap-end 22 u8:0x70000 u4:1 u4:2 u8:0x40000 u8:0 u8:0
HEAP
make missing-class <<'HEAP'
class com.acme.Foo nodump fields ref a
object @o com.acme.Foo
root jni-global @o
HEAP
make duplicate-id <<'HEAP'
ints @0x70000 [1, 2]
ints @0x70000 [3, 4]
root jni-global @0x70000
HEAP
make bad-string <<'HEAP'
class "com.acme.\xff\xfe" fields ref a
object @o "com.acme.\xff\xfe"
root jni-global @o
HEAP
"$TOP/tests/cli/gzip_layouts.py" chain.hprof
size=$(wc -c < one.gz)
printf 'XXXX' | dd of=one.gz bs=1 seek=$((size - 8)) conv=notrunc 2> /dev/null
tell one.gz
head -c 25518 chain.hprof > unmerged.hprof
head -c 80729 chain.hprof | tail -c +25519 > unmerged.hprof.p0
tell unmerged.hprof

# all that the program knows
sed -n 's/^| `\([a-z-]*\)` | damage .*/\1/p' "$TOP/docs/hprof-format.md" | tr '\n' ' '
