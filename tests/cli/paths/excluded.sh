# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/refs.heap" refs.hprof
# With everything excluded no path is left: that is an answer, not an error.
"$HPROF_ANALYZE" paths refs.hprof --class com.acme.Node --exclude weak,com.acme.Cache#TABLE
"$HPROF_ANALYZE" paths refs.hprof --class com.acme.Node --exclude weak --exclude com.acme.Cache -f json > a
json a paths
