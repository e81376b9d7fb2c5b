# SPDX-License-Identifier: MIT
says() {
    "$HPROF_ANALYZE" check -q "$@"
    echo "exit $?"
}
sh "$HEAPS/service.sh" 1 40 0 >a.heap && "$DUMPGEN" a.heap a.hprof
sh "$HEAPS/service.sh" 2 40 10 >b.heap && "$DUMPGEN" b.heap b.hprof
exec 2>&1
says a.hprof --max-heap 1M --max-retained com.acme.Session=100K --max-instances com.acme.Session=40 --forbid com.acme.Request
says b.hprof --max-heap 64K --max-retained com.acme.Session=10K --max-instances com.acme.Session=39 --forbid com.acme.Request -f github
says b.hprof --max-retained com.acme.Session=50% -f github

# What is missing makes no gate pass.
says a.hprof
says a.hprof --max-growth 10%
says a.hprof --update-baseline
says a.hprof --baseline none.json
says a.hprof --config none.yaml
says a.hprof --config a --no-config
says a.hprof --max-retained com.acme.Session
says a.hprof --max-instances com.acme.Session=10M
says a.hprof --max-heap 5X
says a.hprof --max-growth much
says a.hprof --max-heap 1M --today yesterday
says a.hprof --baseline a.hprof --update-baseline
says a.hprof --max-heap 1M -f html5
"$HPROF_ANALYZE" histogram a.hprof -f junit
echo "exit $?"

# The summary of a job on GitHub is appended to.
echo "# Before" >summary.md
GITHUB_STEP_SUMMARY=summary.md "$HPROF_ANALYZE" check -q b.hprof --max-heap 64K -f github -o out.txt
cat summary.md
"$TOP/tests/gate/verdicts.py" github out.txt
