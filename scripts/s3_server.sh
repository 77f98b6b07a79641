#!/usr/bin/env bash
# Runs an S3-compatible object store for `make prove-s3`, on the loopback interface:
# s3_server.sh FOLDER PORT. Its buckets are the folders of FOLDER/buckets; its keys are those of the
# environment. The server, Versity S3 Gateway, is built once into .s3, by Go.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$1 port=$2
version=v1.8.0
server=$PWD/.s3/versitygw-$version
if [ ! -x "$server" ]; then
    command -v go >/dev/null || { printf 's3_server: Go is missing, which builds the server\n' >&2; exit 1; }
    GOBIN=$PWD/.s3 GOFLAGS=-mod=mod go install "github.com/versity/versitygw/cmd/versitygw@$version" >&2
    mv .s3/versitygw "$server"
fi
mkdir -p "$folder/buckets" "$folder/metadata"
ROOT_ACCESS_KEY=$AWS_ACCESS_KEY_ID ROOT_SECRET_KEY=$AWS_SECRET_ACCESS_KEY \
    exec "$server" --quiet --port "127.0.0.1:$port" posix --sidecar "$folder/metadata" "$folder/buckets" >&2
