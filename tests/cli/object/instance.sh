# SPDX-License-Identifier: MIT
"$DUMPGEN" "$HEAPS/refs.heap" refs.hprof
"$HPROF_ANALYZE" paths refs.hprof --class com.acme.Node -f json > a
address=$(json a paths.0.target.address)
"$HPROF_ANALYZE" object refs.hprof $address
"$HPROF_ANALYZE" object refs.hprof $address -f json > b
json b keys object reachable dominator roots
next=$(json b fields.0.object.address)
"$HPROF_ANALYZE" object refs.hprof $next
"$HPROF_ANALYZE" object refs.hprof $next -f json > c
json c 'fields.*.name' 'fields.*.type' 'fields.*.value' 2> /dev/null
json c fields.0 fields.1 fields.3 fields.4 fields.5 fields.8
