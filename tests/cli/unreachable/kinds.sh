# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/webapps.heap" webapps.hprof
"$HPROF_ANALYZE" unreachable webapps.hprof
"$HPROF_ANALYZE" unreachable webapps.hprof -f json > a
json a unreachable.keys unreachable.kinds "unreachable.largest.*.bytes"
"$DUMPGEN" "$HEAPS/calm.heap" calm.hprof
"$HPROF_ANALYZE" unreachable calm.hprof

# dead space of the JVM, an int[] that garbage refers to, and one that is alive; without references they cannot be told apart
cat > fillers.heap <<'HEAP'
use jdk25
class jdk.internal.vm.FillerElement
class jdk.internal.vm.FillerElement[]
class jdk.internal.vm.FillerObject
ints @0x900000000 2000
ints @0x900100000 3000
ints @0x900200000 500
array @0x900300000 java.lang.Object[] [@0x900200000]
ints @kept 100
root jni-global @kept
object @0x900400000 jdk.internal.vm.FillerObject
HEAP
"$DUMPGEN" fillers.heap fillers.hprof
"$HPROF_ANALYZE" unreachable fillers.hprof -f json > a
json a unreachable.kinds unreachable.classes
for options in "--keep-unreachable" "--keep-unreachable --by package" "" "--sort shallow --no-index"; do
    "$HPROF_ANALYZE" histogram fillers.hprof -q $options -n 5
done
