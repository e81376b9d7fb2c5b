# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/refs.heap" refs.hprof
"$HPROF_ANALYZE" paths refs.hprof --class 'com.acme.Node[]' -f json > a
address=$(json a paths.0.target.address)
"$HPROF_ANALYZE" object refs.hprof $address -n 2
"$HPROF_ANALYZE" object refs.hprof $address --offset 2
"$HPROF_ANALYZE" object refs.hprof $(json a paths.0.steps.0.object.address)
