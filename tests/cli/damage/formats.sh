# SPDX-License-Identifier: MIT
# Files that are something else: named, and what to do.
try() {
    "$HPROF_ANALYZE" report "$1" --no-index
    echo "exit $?"
}
cat > histogram.txt <<'TEXT'
 num     #instances         #bytes  class name (module)
-------------------------------------------------------
   1:         20193        1234567  [B (java.base@17.0.15)
TEXT
try histogram.txt
{ echo 4711:; cat histogram.txt; } > jcmd.txt
try jcmd.txt
printf '2026-11-21 19:23:11\nFull thread dump OpenJDK 64-Bit Server VM (17.0.15+6 mixed mode):\n' > threads.txt
try threads.txt
printf 'JAVA PROFILE 1.0.1, created Sat Nov 21 19:23:11 2026\n\nHeader for -agentlib:hprof' > text.hprof
try text.hprof
printf 'JAVA PROFILE 1.0\0\0\0\0\4\0\0\0\0\0\0\0\0' > old.hprof
try old.hprof
printf '<html><body>502 Bad Gateway</body></html>' > page.hprof
try page.hprof
printf 'JAVA PROFILE 1.0.2\0AAAA\0\0\0\0\0\0\0\0' > ids.hprof
try ids.hprof
