# SPDX-License-Identifier: MIT
# A service as a heap text: service.sh RUN SESSIONS FORGOTTEN. RUN changes addresses and names that differ from run to run; SESSIONS live in a list that
# is meant to hold them, FORGOTTEN requests in a static list that forgets nothing.
run=$1 sessions=$2 forgotten=$3

# items PREFIX COUNT    "@PREFIX1 … @PREFIXn"
items() {
    i=0
    while [ "$i" -lt "$2" ]; do
        i=$((i + 1))
        printf ' @%s%d' "$1" "$i"
    done
}

cat <<HEAP
use jdk17
use collections
hprof 1.0.2 id 8 time 17637529910$run
base $((run * 1048576))
class com.acme.loader.AppLoader super java.lang.ClassLoader
object @app com.acme.loader.AppLoader
class com.acme.Session loader @app fields ref payload int number
class com.acme.Request loader @app fields ref body
class com.acme.Service\$\$Lambda/0x00007f0c${run}c001200 loader @app fields int captured
class com.acme.Service loader @app fields ref callback statics ref SESSIONS=@sessions ref FORGOTTEN=@requests
root sticky com.acme.Service
root sticky java.lang.Thread
object @sessions java.util.ArrayList elementData=@sessiontable size=$sessions
array @sessiontable java.lang.Object[] [$(items s "$sessions") null*2]
object @requests java.util.ArrayList elementData=@requesttable size=$forgotten
array @requesttable java.lang.Object[] [$(items r "$forgotten") null*2]
object @lambda com.acme.Service\$\$Lambda/0x00007f0c${run}c001200 captured=$run
object @service com.acme.Service callback=@lambda
thread @main "main" serial 1
frame com.acme.Service.run Service.java 12
local @service frame 0
HEAP
i=0
while [ "$i" -lt "$sessions" ]; do
    i=$((i + 1))
    echo "object @s$i com.acme.Session payload=@p$i number=$i"
    echo "bytes @p$i 2000"
done
i=0
while [ "$i" -lt "$forgotten" ]; do
    i=$((i + 1))
    echo "object @r$i com.acme.Request body=@b$i"
    echo "bytes @b$i 1000"
done
