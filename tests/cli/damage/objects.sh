# SPDX-License-Identifier: MIT
# Records that are whole but say what cannot be: sizes, classes, super classes, names.
look() {
    echo "--- $1"
    "$DUMPGEN" "$1.heap" "$1.hprof"
    "$HPROF_ANALYZE" histogram "$1.hprof" --no-index -n 6 2>damage
    sed 's/^hprof-analyze: //' damage
    "$HPROF_ANALYZE" histogram "$1.hprof" --no-index --strict > /dev/null 2>&1 || echo "strict: exit $?"
}

cat > sizes.heap <<'HEAP'
use jdk17
class com.acme.Foo @0x40000 fields ref a ref b int n
object @short com.acme.Foo bytes 00
object @long com.acme.Foo bytes id:0 id:@short u4:1 u4:2 u4:3
root jni-global @short
root jni-global @long
HEAP
sed -i 's/id:@short/id:0/' sizes.heap
look sizes

cat > arrays.heap <<'HEAP'
use jdk17
class com.acme.Foo @0x40000 fields ref a
object @f com.acme.Foo a=@0x70000
raw heap-end 22 u8:0x70000 u4:1 u4:2 u8:0x40000 u8:0 u8:0
root jni-global @f
HEAP
look arrays

cat > missing.heap <<'HEAP'
use jdk17
class com.acme.Named nodump fields ref a
class com.acme.Nameless nodump noload fields ref a int b
class com.acme.Things[] nodump
object @a com.acme.Named a=@b
object @b com.acme.Nameless b=7
array @c com.acme.Things[] [@a, @b]
root jni-global @a
root jni-global @b
root jni-global @c
HEAP
look missing

cat > hierarchy.heap <<'HEAP'
use jdk17
class com.acme.Orphan super @0x99998 fields ref own
class com.acme.Loop1 @0x50000 super @0x50100 fields ref x
class com.acme.Loop2 @0x50100 super @0x50000 fields ref y
object @o com.acme.Orphan bytes u8:0x60000 u4:7 u4:8
object @0x60000 com.acme.Loop1 bytes id:0 id:0
root jni-global @o
HEAP
look hierarchy

cat > names.heap <<'HEAP'
use jdk17
class "com.acme.\xff\xfe\x1b[31mRed" fields ref "f\xc0" int n
object @o "com.acme.\xff\xfe\x1b[31mRed" n=1
root jni-global @o
HEAP
look names
"$HPROF_ANALYZE" histogram names.hprof --no-index -f json -o names.json -q && json names.json 'histogram.0.class'

# the class object of Foo is written twice, as CLASS_DUMP and as INSTANCE; so is that of Bar, which Foo's leads to
cat > mirrors.heap <<'HEAP'
class java.lang.Object @0x1000
class java.lang.Class @0x1100 fields ref module ref cache int n
class com.acme.Foo @0x40000 statics ref S=@0x60000
class com.acme.Bar @0x40100
class com.acme.Thing @0x40200 fields int n
object @0x60000 com.acme.Thing n=1
object @0x60100 com.acme.Thing n=2
object @0x60200 com.acme.Thing n=3
root jni-global @0x40000
root sticky @0x1000
root sticky @0x1100
raw heap 21 u8:0x40100 u4:1 u8:0x1100 u4:20 u8:0x60200 u8:0 u4:5
raw heap-end 21 u8:0x40000 u4:1 u8:0x1100 u4:20 u8:0x60100 u8:0x40100 u4:5
HEAP
look mirrors
"$HPROF_ANALYZE" paths mirrors.hprof --no-index --object 0x60200

cat > fillers.heap <<'HEAP'
use jdk25
class jdk.internal.vm.FillerElement
class jdk.internal.vm.FillerElement[]
class jdk.internal.vm.FillerObject
ints @0x900000000 200000
ints @0x900100000 300000
ints @kept 1000
root jni-global @kept
object @0x900200000 jdk.internal.vm.FillerObject
HEAP
look fillers
