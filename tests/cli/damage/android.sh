# SPDX-License-Identifier: MIT
# As Android's runtime writes it: 1.0.3, 4-byte ids, dotted names, heaps, ids inside of objects, all kinds of roots, tiny segments.
cat > art.heap <<'HEAP'
hprof 1.0.3 id 4 time 1763752991042
names dotted
framing segments 300
string-ids 4194304
default-trace 0
class java.lang.Object @0x6f000000 fields ref shadow$_klass_ int shadow$_monitor_ size 8
class java.lang.Class @0x6f000100 super java.lang.Object statics ref $class$name=0 int $class$accessFlags=1 ref $classOverhead=@0x6f000101 size 0
class java.lang.ClassLoader @0x6f000200 super java.lang.Object
class java.lang.String @0x6f000300 super java.lang.Object fields int count int hash ref value size 0
class java.lang.Thread @0x6f000400 super java.lang.Object fields ref name
class int @0x6f000500 super none
class byte[] @0x6f000600 super java.lang.Object
class char[] @0x6f000700 super java.lang.Object
class int[] @0x6f000800 super java.lang.Object
class java.lang.Object[] @0x6f000900 super java.lang.Object
class dalvik.system.PathClassLoader @0x6f000a00 super java.lang.ClassLoader statics ref runtimeInternalObjects=@0x6f000a04
class com.acme.app.Activity @0x12c00000 super java.lang.Object loader @0x12c01000 fields ref title ref data statics ref $class$dexCache=0 ref LEAK=@0x12c02000
bytes @0x6f000101 24
array @0x6f000a04 java.lang.Object[] [@0x6f000100, @0x12c01000]
object @0x12c01000 dalvik.system.PathClassLoader
raw before @0x12c02000 fe u4:65 id:0x400000
object @0x12c02000 com.acme.app.Activity title=@0x12c03000 data=@0x12c04000
object @0x12c03000 java.lang.String count=5 value=@0x12c03010
bytes @0x12c03010 "hello"
object @0x12c03100 java.lang.String count=0 value=@0x12c03108
chars @0x12c03108 0
raw after @0x12c03000 c3 id:0x12c04000 u4:0 u4:100000 0a
raw heap fe u4:90 id:0x400000
object @0x12c05000 java.lang.Thread name=@0x12c03000
root thread @0x12c05000 serial 1 trace 0
root java-frame @0x12c03100 thread 1
root sticky @0x6f000100
root sticky @0x6f000000
root sticky @0x6f000300
root sticky @0x6f000400
root interned-string @0x12c03000
root finalizing @0x12c02000
root debugger @0x12c02000
root reference-cleanup @0x12c02000
root vm-internal @0x6f000a00
root jni-monitor @0x12c05000 thread 1
root unreachable @0x12c04000
HEAP
"$DUMPGEN" art.heap art.hprof
"$HPROF_ANALYZE" histogram art.hprof --no-index -n 8
"$HPROF_ANALYZE" object art.hprof 0x12c02000 --no-index
"$HPROF_ANALYZE" object art.hprof 0x12c03000 --no-index
"$HPROF_ANALYZE" threads art.hprof --no-index
"$HPROF_ANALYZE" paths art.hprof --no-index --object 0x6f000a04
