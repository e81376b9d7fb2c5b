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

# by their first bytes, and the same within a gzip file
named() {
    name=$1
    shift
    printf "$@" > "$name"
    try "$name"
}
named a.jfr 'FLR\0\0\2\0\0'
named a.phd '\0\022portable heap dump\0\0\0\6'
named a.core '\177ELF\2\1\1\0'
named a.zip 'PK\3\4\024\0'
named a.bz2 'BZh91AY'
named a.zst '\050\265\057\375\0\0'
named a.xz '\3757zXZ\0\0'
named a.lz4 '\004\042\115\030d'
named a.7z '7z\274\257\047\034\0'
gzip -c a.jfr > a.jfr.gz
try a.jfr.gz
printf 'JAVA PROFILE 1.0.2\0' | gzip -c | gzip -c > twice.gz
try twice.gz
