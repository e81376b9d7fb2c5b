# SPDX-License-Identifier: MIT
# JDK 22 and later: roots before the objects, those of unmounted virtual threads among them; a class that is loaded, rooted and not dumped; and the
# same from the serviceability agent: no sticky classes, no end, thread records that name the empty trace.
cat > virtual.heap <<'HEAP'
use jdk25
order classes roots objects
class java.lang.VirtualThread super java.lang.Thread fields ref carrierThread int state
class jdk.internal.event.Event nodump
root sticky jdk.internal.event.Event
class com.acme.Task fields ref data
object @t com.acme.Task data=@b
bytes @b 5000
object @0x800000000 java.lang.VirtualThread state=4
raw after @0x800000000 08 u8:0x800000000 u4:77 u4:78 03 u8:0x800001000 u4:77 u4:0
object @0x800001000 com.acme.Task data=@t
trace 78 thread 77
frame java.lang.VirtualThread.park VirtualThread.java 592
frame com.acme.Task.run Task.java 12
HEAP
"$DUMPGEN" virtual.heap virtual.hprof
"$HPROF_ANALYZE" histogram virtual.hprof --no-index -n 3
"$HPROF_ANALYZE" threads virtual.hprof --no-index --locals
"$HPROF_ANALYZE" paths virtual.hprof --no-index --class com.acme.Task --max 2

cat > agent.heap <<'HEAP'
use jdk17
framing each
end no
sticky none
class com.acme.Held statics ref HELD=@b
bytes @b 5000
thread @main "main" serial 1 trace 0
trace 2 thread 1
frame com.acme.Main.main Main.java 3
root thread @main serial 1 trace 1
HEAP
sed -i '/^thread/d; s/^root thread.*/object @main java.lang.Thread\nroot thread @main serial 1 trace 1/' agent.heap
"$DUMPGEN" agent.heap agent.hprof
"$HPROF_ANALYZE" histogram agent.hprof --no-index -n 3
"$HPROF_ANALYZE" threads agent.hprof --no-index
