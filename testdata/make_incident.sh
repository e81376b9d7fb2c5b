#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs java/incident out of memory, in a container of so many megabytes, and leaves its dump and what it printed (DUMP.out).
#
# usage: make_incident.sh DUMP [MEGABYTES] [JVM OPTION ...]      1024 without a number
# JAVA_HOME names the JDK, else JDK 17 of Debian. Needs Debian's libnetty-java: exit code 77 without one of them.
#
# -XX:MaxRAM stands for the container's limit: the JVM takes its percentages from it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
JAVA_HOME=${JAVA_HOME:-/usr/lib/jvm/java-17-openjdk-amd64}
jars=${JARS:-/usr/share/java}
dump=$1
megabytes=${2:-1024}
[ $# -lt 2 ] || shift
shift
if [ ! -x "$JAVA_HOME/bin/javac" ] || [ ! -f "$jars/netty-transport.jar" ]; then
    echo "skipped: no JDK in $JAVA_HOME, or no $jars/netty-*.jar (Debian: libnetty-java)" >&2
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
netty="$jars/netty-buffer.jar:$jars/netty-common.jar:$jars/netty-resolver.jar:$jars/netty-transport.jar"
agent=""
for name in common buffer codec codec-dns codec-http codec-http2 codec-mqtt codec-socks handler resolver resolver-dns transport; do
    agent="$agent $jars/netty-$name.jar"
done
"$JAVA_HOME/bin/javac" -nowarn -g -cp "$netty" -d "$work/classes" "$here"/java/incident/*.java
rm -f "$dump"
# shellcheck disable=SC2086  # jars are words
"$JAVA_HOME/bin/java" "-XX:MaxRAM=${megabytes}m" -XX:MaxRAMPercentage=60 -XX:MaxDirectMemorySize=192m -Xss512k -XX:+UseG1GC \
    -XX:+HeapDumpOnOutOfMemoryError "-XX:HeapDumpPath=$dump" -Djava.awt.headless=true "$@" \
    -cp "$work/classes:$netty" com.acme.chat.ChatGateway "$work/agent" $agent >"$dump.out" 2>"$work/err" || true
if [ ! -s "$dump" ]; then
    cat "$dump.out" "$work/err" >&2
    exit 1
fi
