# SPDX-License-Identifier: MIT
# Baselines and dumps that cannot be used: exit code 3, never a verdict.
says() {
    "$HPROF_ANALYZE" check -q "$@"
    echo "exit $?"
}
sh "$HEAPS/service.sh" 1 40 0 >a.heap && "$DUMPGEN" a.heap a.hprof
"$DUMPGEN" "$HEAPS/leak.heap" leak.hprof
exec 2>&1
"$HPROF_ANALYZE" check -q a.hprof --baseline base.json --update-baseline -o out.txt
says a.hprof --baseline base.json -o out.txt

says leak.hprof --baseline base.json
sed '/"program"/,/]/s|com.acme|org.other|' base.json >program.json
says a.hprof --baseline program.json
cp "$HEAPS/gate.yaml" gate.yaml
says a.hprof --config gate.yaml
"$HPROF_ANALYZE" report -q a.hprof -o report.json
says a.hprof --baseline report.json
echo '{}' >empty.json
says a.hprof --baseline empty.json
head -n 20 base.json >cut.json
says a.hprof --baseline cut.json
sed 's|baseline/1|baseline/2|' base.json >later.json
says a.hprof --baseline later.json
sed 's|"classes_min_bytes"|"else"|' base.json >member.json
says a.hprof --baseline member.json
sed 's|"instances":40|"instances":-40|' base.json >negative.json
says a.hprof --baseline negative.json
sed 's|"class":"byte\[\]"|"class":"com.acme.Session"|' base.json >twice.json
says a.hprof --baseline twice.json
sed 's|"schema"|"omitted":3, "schema"|' base.json >omitted.json
says a.hprof --baseline omitted.json
sed 's|"size_model":"[a-z]*"|"size_model":"other"|' base.json >model.json
says a.hprof --baseline model.json
sed 's|"compressed_references":true|"compressed_references":false|' base.json >wide.json
says a.hprof --baseline wide.json
says a.hprof --baseline .

# Of a damaged dump something is missing.
head -c 60000 a.hprof >damaged.hprof
says damaged.hprof --max-heap 1M
says damaged.hprof --max-heap 1M --allow-damage -o out.txt
says damaged.hprof --baseline new.json --update-baseline
ls new.json
echo "no dump" >text.hprof
says text.hprof --max-heap 1M
says none.hprof --max-heap 1M
