#!/usr/bin/env bash
# Makes .venv from requirements.lock and fetches the JARs of Delta and of Spark's Kafka source into .jars.
# `make setup` calls it when one of them is missing or its list has changed. With the argument `s3` it
# also fetches Spark's client of S3 and puts it where each Spark of .venv finds it; with `cluster`, the
# driver of the metastore's database.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=${PATH//"$PWD/.venv/bin:"/} # a new environment must not be made by the old one's Python

fail() {
    printf 'setup: %s\n' "$1" >&2
    exit 1
}

check_python() {
    PYTHON=${PYTHON:-python3.11}
    command -v "$PYTHON" >/dev/null 2>&1 ||
        fail "Python 3.11 is missing. Install it (Debian: apt-get install python3.11 python3.11-venv) or name it: PYTHON=/path/to/python3.11 make setup"
    local version
    version=$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    [ "$version" = 3.11 ] ||
        fail "$PYTHON is Python $version, but 3.11 is needed. Name it: PYTHON=/path/to/python3.11 make setup"
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$PYTHON cannot make virtual environments. Install its venv package (Debian: apt-get install python3.11-venv)"
}

check_java() {
    local java=java
    [ -z "${JAVA_HOME:-}" ] || java=$JAVA_HOME/bin/java
    command -v "$java" >/dev/null 2>&1 ||
        fail "Java 17 is missing. Install it (Debian: apt-get install openjdk-17-jre-headless) or set JAVA_HOME"
    local major
    major=$("$java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1)
    case "$major" in
        17 | 21) ;;
        *) fail "Java ${major:-of an unknown version} was found, but Spark 4.2 needs Java 17 (or 21). Install it or set JAVA_HOME" ;;
    esac
}

install_python_packages() {
    [ -e .venv/.complete ] && cmp -s requirements.lock .venv/.complete && return
    printf 'setup: installing the Python packages into .venv\n'
    rm -rf .venv
    "$PYTHON" -m venv .venv
    # The lock names every package with its hash; --no-deps keeps pip from resolving anew.
    .venv/bin/python -m pip install --quiet --disable-pip-version-check \
        --no-deps --require-hashes --requirement requirements.lock
    .venv/bin/python -m pip check --disable-pip-version-check >/dev/null
    cp requirements.lock .venv/.complete
}

spark_jars() {
    .venv/bin/python -c 'import pathlib, pyspark; print(pathlib.Path(pyspark.__file__).parent / "jars")'
}

# Spark's own Ivy resolves the JARs of a list, so no download address stands here.
fetch_jars() {
    local list=$1 what=$2 artifact version group
    mkdir -p .jars
    (cd .jars && sha256sum --status --check "../$list" 2>/dev/null) && return
    printf 'setup: fetching %s into .jars\n' "$what"
    cache=$(mktemp -d) # not local: the trap runs after the function
    trap 'rm -rf "$cache"' EXIT
    while read -r _ file; do
        version=${file##*-}
        version=${version%.jar}
        artifact=${file%-"$version".jar}
        case "$artifact" in
            delta-*) group=io.delta ;;
            spark-*) group=org.apache.spark ;;
            kafka-*) group=org.apache.kafka ;;
            commons-*) group=org.apache.commons ;;
            hadoop-*) group=org.apache.hadoop ;;
            postgresql) group=org.postgresql ;;
            bundle) group=software.amazon.awssdk ;;
            analyticsaccelerator-s3) group=software.amazon.s3.analyticsaccelerator ;;
            *) fail "$list names $file, whose group scripts/setup.sh does not know" ;;
        esac
        "${JAVA_HOME:+$JAVA_HOME/bin/}java" -cp "$(spark_jars)/*" org.apache.ivy.Main -error -cache "$cache" \
            -dependency "$group" "$artifact" "$version" -confs master -notransitive \
            -retrieve "$PWD/.jars/[artifact]-[revision].[ext]" >"$cache/log" 2>&1 ||
            { cat "$cache/log" >&2; fail "could not fetch $file from the package registry"; }
    done <"$list"
    (cd .jars && sha256sum --quiet --check "../$list") ||
        fail "a JAR in .jars does not match $list; nothing was started with it"
    rm -rf "$cache"
}

check_python
check_java
install_python_packages
fetch_jars jars.sha256 'the JARs of Delta and Kafka'
touch .venv/.ready
if [ "${1:-}" = s3 ]; then
    fetch_jars jars-s3.sha256 "the JARs of Spark's client of S3, 690 MB,"
    while read -r _ file; do
        ln -sf "$PWD/.jars/$file" "$(spark_jars)/$file"
    done <jars-s3.sha256
elif [ "${1:-}" = cluster ]; then
    fetch_jars jars-cluster.sha256 'the JDBC driver of PostgreSQL'
fi
