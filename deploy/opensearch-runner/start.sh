#!/bin/sh
# One OpenSearch node on 127.0.0.1 without containers: start.sh DIR PORT
# DIR keeps the class path and the node's data. Needs a JDK 17 and Maven; the network only the first time.
# With CLASSPATH in place of PORT it only resolves the class path and prints the name of its file.
set -eu
[ $# -eq 2 ] || { echo "usage: start.sh DIR PORT|CLASSPATH" >&2; exit 2; }
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
mkdir -p "$1"
dir=$(CDPATH='' cd -- "$1" && pwd)
classpath="$dir/classpath"
if [ ! -s "$classpath" ]; then
    for mode in -o ""; do # offline first: what is in the local repository needs no network
        mvn -B -q $mode -f "$here/pom.xml" dependency:build-classpath "-Dmdep.outputFile=$classpath" >"$dir/maven.log" 2>&1 && break
    done
    [ -s "$classpath" ] || { cat "$dir/maven.log" >&2; exit 1; }
fi
if [ "$2" = CLASSPATH ]; then
    echo "$classpath"
    exit 0
fi
mkdir -p "$dir/node"
exec java -Xms1g -Xmx1g -cp "$(cat "$classpath")" "$here/Node.java" "$dir/node" "$2"
