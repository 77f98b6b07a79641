#!/usr/bin/env bash
# Runs a Kafka broker for `make prove-kafka`, on the loopback interface: kafka_broker.sh FOLDER PORT.
# Its JARs are fetched once into .jars/broker, by the Ivy inside pyspark's own JARs.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$1 port=$2
version=4.1.1
jars=.jars/broker
if [ ! -e "$jars/.complete" ]; then
    spark_jars=$(.venv/bin/python -c 'import pathlib, pyspark; print(pathlib.Path(pyspark.__file__).parent / "jars")')
    for conf in runtime master; do
        "${JAVA_HOME:+$JAVA_HOME/bin/}java" -cp "$spark_jars/*" org.apache.ivy.Main -error \
            -cache "$folder/ivy" -dependency org.apache.kafka kafka_2.13 "$version" -confs "$conf" \
            -retrieve "$PWD/$jars/[artifact]-[revision].[ext]" >&2
    done
    touch "$jars/.complete"
fi
cat >"$folder/server.properties" <<EOF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$((port + 1))
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1))
advertised.listeners=PLAINTEXT://127.0.0.1:$port
controller.listener.names=CONTROLLER
log.dirs=$folder/data
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
num.partitions=3
EOF
run=("${JAVA_HOME:+$JAVA_HOME/bin/}java" -Xmx512m -cp "$jars/*")
"${run[@]}" kafka.tools.StorageTool format -t MkU3OEVBNTcwNTJENDM2Qk -c "$folder/server.properties" >&2
exec "${run[@]}" kafka.Kafka "$folder/server.properties" >&2
