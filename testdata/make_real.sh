#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes the dumps of real/ anew from java/*.java.
#
# usage: make_real.sh [NAME ...]        all without a name
# JAVA17 and JAVA25 name the JDKs; a dump whose JDK is missing is left as it is, with a line that says so.
#
# -Xshare:off and --limit-modules keep the dumps small: else half of each would be the JDK's archived heap and module descriptions.
# A new dump has other addresses, so only what expect/*.json says must stay the same.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
JAVA17=${JAVA17:-/usr/lib/jvm/java-17-openjdk-amd64}
JAVA25=${JAVA25:-/usr/lib/jvm/temurin-25-jdk-amd64}
small="-Xshare:off --limit-modules java.base"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

# Starts a program, waits for "ready", dumps it into $work/NAME.hprof with jcmd, ends it.
# usage: dump_with_jcmd NAME JDK 'JVM OPTIONS' 'JCMD OPTIONS' CLASS [ARGUMENT ...]
dump_with_jcmd() {
    name=$1 jdk=$2 options=$3 jcmd_options=$4
    shift 4
    mkfifo "$work/in"
    # shellcheck disable=SC2086  # options are words
    "$jdk/bin/java" $small $options -cp "$work/$name" "$@" <"$work/in" >"$work/out" &
    pid=$!
    exec 3>"$work/in"
    until grep -q ready "$work/out"; do
        kill -0 "$pid"
        sleep 0.2
    done
    # shellcheck disable=SC2086
    "$jdk/bin/jcmd" "$pid" GC.heap_dump $jcmd_options "$work/$name.hprof" >/dev/null
    exec 3>&-
    wait "$pid"
    rm "$work/in" "$work/out"
}

# usage: compile NAME JDK SOURCE
compile() {
    "$2/bin/javac" -g -d "$work/$1" "$here/java/$3"
}

pack() {
    gzip -9n <"$work/$1.hprof" >"$here/real/$1.hprof.gz"
}

make_shop_jdk17_g1() {
    compile shop_jdk17_g1 "$JAVA17" Shop.java
    dump_with_jcmd shop_jdk17_g1 "$JAVA17" "-Xmx64m -XX:+UseG1GC" "" com.acme.shop.Shop 600 6000
    pack shop_jdk17_g1
}

make_orders_jdk25_zgc() {
    compile orders_jdk25_zgc "$JAVA25" Orders.java
    dump_with_jcmd orders_jdk25_zgc "$JAVA25" "-Xmx128m -XX:+UseZGC" "" com.acme.orders.Orders 1000
    pack orders_jdk25_zgc
}

make_evidence_jdk17_oom() {
    compile evidence_jdk17_oom "$JAVA17" Evidence.java
    # shellcheck disable=SC2086
    "$JAVA17/bin/java" $small -Xmx24m -XX:+UseG1GC -XX:+HeapDumpOnOutOfMemoryError "-XX:HeapDumpPath=$work/evidence_jdk17_oom.hprof" \
        -cp "$work/evidence_jdk17_oom" com.acme.evidence.Evidence >/dev/null 2>&1
    pack evidence_jdk17_oom
}

make_tickets_jdk25_virtual() {
    compile tickets_jdk25_virtual "$JAVA25" Tickets.java
    dump_with_jcmd tickets_jdk25_virtual "$JAVA25" "-Xmx64m -XX:+UseG1GC -Djdk.virtualThreadScheduler.parallelism=2" "" com.acme.tickets.Tickets
    pack tickets_jdk25_virtual
}

# HotSpot compresses it: members of 1 MiB, not one stream.
make_shop_jdk17_gz() {
    compile shop_jdk17_gz "$JAVA17" Shop.java
    dump_with_jcmd shop_jdk17_gz "$JAVA17" "-Xmx64m -XX:+UseParallelGC -XX:-UseCompressedOops" "-gz=1" com.acme.shop.Shop 200 8000
    mv "$work/shop_jdk17_gz.hprof" "$here/real/shop_jdk17_gz.hprof.gz"
    chmod 644 "$here/real/shop_jdk17_gz.hprof.gz"
}

need() {
    case $1 in
        *_jdk17_*) jdk=$JAVA17 ;;
        *) jdk=$JAVA25 ;;
    esac
    if [ ! -x "$jdk/bin/javac" ]; then
        echo "$1: left as it is: no JDK in $jdk" >&2
        return 1
    fi
}

mkdir -p "$here/real"
if [ $# -eq 0 ]; then
    set -- shop_jdk17_g1 orders_jdk25_zgc evidence_jdk17_oom tickets_jdk25_virtual shop_jdk17_gz
fi
for name in "$@"; do
    if need "$name"; then
        "make_$name"
        ls -l "$here/real/$name.hprof.gz"
    fi
done
