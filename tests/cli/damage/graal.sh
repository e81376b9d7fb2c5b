# SPDX-License-Identifier: MIT
# As GraalVM's native images write it: a class id is the address of its hub + 1, and the hub is an object of its own; sticky roots without class.
cat > graal.heap <<'HEAP'
names dotted
class java.lang.Object @0x700000001
class java.lang.Class @0x700000101 super java.lang.Object fields ref name ref hubExtension
class com.acme.Main @0x700000201 super java.lang.Object statics ref CACHE=@0x700001000
class java.lang.Object[] @0x700000301 super java.lang.Object
object @0x700000000 java.lang.Class
object @0x700000100 java.lang.Class
object @0x700000200 java.lang.Class name=@0x700002000 hubExtension=@0x700001000
object @0x700002000 java.lang.Object
array @0x700001000 java.lang.Object[] [@0x700000200, @0x700002000]
root sticky @0x700000001
root sticky @0x700000101
root sticky @0x700000201
root sticky @0x700000401
root jni-global @0x700000200 jni 0
HEAP
"$DUMPGEN" graal.heap graal.hprof
"$HPROF_ANALYZE" histogram graal.hprof --no-index
"$HPROF_ANALYZE" object graal.hprof 0x700000200 --no-index
