# SPDX-License-Identifier: MIT
says() {
    "$@"
    echo "exit $?"
}
"$DUMPGEN" "$HEAPS/leak.heap" leak.hprof

# What the dump does not have is a mistake of the caller; one line, although the dump has notes of its own.
exec 2>&1
says "$HPROF_ANALYZE" object leak.hprof 0x1
says "$HPROF_ANALYZE" dominators leak.hprof --object 0x1
says "$HPROF_ANALYZE" paths leak.hprof --object 0x1
says "$HPROF_ANALYZE" paths leak.hprof --class com.acme.botgateway.BotGatewy
says "$HPROF_ANALYZE" paths leak.hprof --class Nothing
says "$HPROF_ANALYZE" paths leak.hprof --class java.lang.Object[] --exclude com.acme.Nothing#x
says "$HPROF_ANALYZE" leak.hprof --heap 2
