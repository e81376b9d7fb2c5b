# SPDX-License-Identifier: MIT
# Interrupted while it waits for a pipe that nobody writes to.
mkfifo pipe.hprof
for signal in INT TERM; do
    "$HPROF_ANALYZE" pipe.hprof &
    sleep 0.3
    kill -$signal $!
    wait $!
    echo "$signal: exit $?"
done
ls
