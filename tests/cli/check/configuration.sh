# SPDX-License-Identifier: MIT
# Wrong configurations: file, line, column and key, exit code 2.
sh "$HEAPS/service.sh" 1 3 0 >a.heap && "$DUMPGEN" a.heap a.hprof
exec 2>&1
wrong() {
    printf '%b' "$1" >gate.yaml
    "$HPROF_ANALYZE" check -q a.hprof --config gate.yaml
    echo "exit $?"
}
wrong ''
wrong 'limits:\n'
wrong 'limits: []\n'
wrong '- a\n'
wrong 'version: 2\n'
wrong 'limit:\n  - class: a\n'
wrong 'limits:\n  - class: a\n'
wrong 'limits:\n  - max_instances: 3\n'
wrong 'limits:\n  - class: a\n    package: b\n    max_instances: 3\n'
wrong 'limits:\n  - class: a\n    max_instance: 3\n'
wrong 'limits:\n  - class: a\n    max_instances: 3M\n'
wrong 'limits:\n  - class: a\n    max_retained: 3 apples\n'
wrong 'limits:\n  - class: a\n    max_retained: [1]\n'
wrong 'limits:\n  - class: a\n    max_growth: 10% 5%\n'
wrong 'limits:\n  - class: a\n    max_growth: 10%\n    max_retained_growth: 5%\n'
wrong 'limits:\n  - class: a\n    max_growth: 10%\n'
wrong 'limits:\n  - subject: heaps\n    max_growth: 10%\n'
wrong 'limits:\n  - subject: threads\n    max_retained: 10M\n'
wrong 'limits:\n  - subject: threads\n    max_count: 10%\n'
wrong 'limits:\n  - suspect: leak\n    max_retained: 10M\n'
wrong 'limits:\n  - suspect: s1-0123456789abcdef\n    max_shallow: 10M\n'
wrong 'limits:\n  - pattern: no-such-pattern\n    max_retained: 10M\n'
wrong 'limits:\n  - regex: "("\n    max_retained: 10M\n'
wrong 'limits:\n  - class: a\n    each: true\n    max_retained: 10M\n'
wrong 'limits:\n  - regex: a\n    each: yes\n    max_retained: 10M\n'
wrong 'limits:\n  - class: a\n    if_missing: perhaps\n    max_retained: 10M\n'
wrong 'limits:\n  - class: a\n    floor: 10%\n    max_retained: 10M\n'
wrong 'limits:\n  - class: a\n    max_retained: 10M\n    reason: none\n'
wrong 'limits:\n  - class: a\n    max_retained: 10M\n  bad\n'
wrong 'limits:\n  - class: &x a\n    max_retained: 10M\n'
wrong 'forbid:\n  - loader: a\n'
wrong 'forbid:\n  - class: a\n    max_instances: 1\n'
wrong 'ignore:\n  - class: a\n    until: 2027-01-01\n'
wrong 'ignore:\n  - class: a\n    reason: because\n'
wrong 'ignore:\n  - class: a\n    reason: because\n    until: 2027-13-01\n'
wrong 'ignore:\n  - class: a\n    reason: because\n    until: 2027-01-01\n    max_instances: 3\n'
wrong 'new_suspects: sometimes\n'
wrong 'new_suspects: fail\n'
