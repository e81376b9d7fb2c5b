# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/refs.heap" refs.hprof
"$HPROF_ANALYZE" paths refs.hprof --class com.acme.Node --max 1 --exclude none -f json > a
json a paths.0.keys paths.0.root 'paths.0.steps.*.field' paths.0.target.class more
"$HPROF_ANALYZE" paths refs.hprof --class java.lang.Thread -f json > a
json a paths.0.root.kind paths.0.root.thread.label
