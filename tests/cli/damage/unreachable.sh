# SPDX-License-Identifier: MIT
# Why so many objects are held by nothing: garbage, what jhsdb does not write, or roots lost with damage. Fewer are no news.
make() {
    { cat; awk -v n="$2" 'BEGIN { for (i = 0; i < n; i++) printf "object @n%d Node next=@n%d\n", i, i == n - 1 ? 0 : i + 1 }'; } > "$1.heap"
    "$DUMPGEN" "$1.heap" "$1.hprof"
}
notes() {
    echo "--- $1"
    "$HPROF_ANALYZE" report "$1" -f json --index-dir . 2> /dev/null > a
    json a 'warnings.*.code' 'warnings.*.count' 'warnings.*.message'
    "$HPROF_ANALYZE" report "$1" -f json --index-dir . 2> /dev/null | cmp - a
    "$HPROF_ANALYZE" top "$1" --strict --index-dir . > /dev/null 2>&1
    echo "strict: exit $?"
}
make garbage 1200 <<'HEAP'
use jdk17
class Node fields ref next
HEAP
notes garbage.hprof
make few 900 <<'HEAP'
use jdk17
class Node fields ref next
HEAP
notes few.hprof
make agent 1200 <<'HEAP'
use jdk17
framing each
end no
class Node fields ref next
HEAP
notes agent.hprof
make held 1200 <<'HEAP'
use jdk17
order classes objects roots
class Node fields ref next
root jni-global @n0
HEAP
notes held.hprof
head -c $(($(wc -c < held.hprof) - 200)) held.hprof > lost.hprof
notes lost.hprof
