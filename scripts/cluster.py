"""A Spark cluster on this machine: `cluster.py start|stop`.

A standalone master with two workers, a Spark Connect server with Delta as the door for dbt, and its
Hive metastore on PostgreSQL. All listen on the loopback interface and ask for a secret that the
first start makes. `.cluster` holds what they need: `env` is for the shell of a client, `conf` is
Spark's configuration of one (SPARK_CONF_DIR), `logs` are what the processes print.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pyspark

from tracekeep.lake import PROJECT, lake_path, state_path
from tracekeep.session import local_settings

HOME = PROJECT / ".cluster"
HOST = "127.0.0.1"
MASTER_PORT, CONNECT_PORT, POSTGRES_PORT = 7077, 15002, 15432
MASTER = f"spark://{HOST}:{MASTER_PORT}"
WORKERS = 2
SPARK = Path(pyspark.__file__).parent
POSTGRES_FOLDER = HOME / "postgres"


def start() -> None:
    """Start what does not run, in order. Raises SystemExit if one does not come up."""
    for folder in ("conf", "logs", "work"):
        (HOME / folder).mkdir(parents=True, exist_ok=True)
    HOME.chmod(0o711)  # PostgreSQL is another user
    secret = _secret("cluster")
    os.environ["SPARK_CONF_DIR"] = str(HOME / "conf")
    os.environ["SPARK_LOCAL_IP"] = HOST  # where the pages of master and workers listen
    _write_settings(
        HOME / "conf" / "spark-defaults.conf",
        {
            "spark.authenticate": "true",
            "spark.authenticate.secret": secret,
            "spark.master.rest.enabled": "false",  # a door without a lock
            # An application leaves room for another: dbt's server and an ingest work side by side.
            "spark.cores.max": "2",
            "spark.ui.filters": "org.apache.spark.ui.JWSFilter",
            "spark.org.apache.spark.ui.JWSFilter.param.secretKey": secret,
        },
    )
    _start_postgres()
    _start("master", MASTER_PORT, "spark-class", "org.apache.spark.deploy.master.Master",
           "--host", HOST, "--port", str(MASTER_PORT))  # fmt: skip
    for number in range(1, WORKERS + 1):
        start_worker(number)
    start_connect()
    _write_private(
        HOME / "env",
        f"export TRACEKEEP_MASTER={MASTER} SPARK_CONF_DIR={HOME / 'conf'}\n"
        f"export PYSPARK_PYTHON={sys.executable}\n"
        f"export TRACEKEEP_REMOTE=sc://localhost:{CONNECT_PORT}\n"
        f"export SPARK_CONNECT_AUTHENTICATE_TOKEN={_secret('connect')}\n"
        # dbt-spark asks for Hive at each statement, which the server has had from its start.
        "export PYTHONWARNINGS=ignore::UserWarning:pyspark.sql.connect.conf\n",
    )
    print(f"The cluster runs: source {HOME / 'env'}")


def start_worker(number: int) -> None:
    """Start a worker, whose executors inherit this environment: keys of an object store, say."""
    _start(f"worker-{number}", None, "spark-class", "org.apache.spark.deploy.worker.Worker",
           "--host", HOST, "--cores", "4", "--memory", "8g", "--work-dir", str(HOME / "work"),
           MASTER)  # fmt: skip


def start_connect() -> None:
    """Start the Spark Connect server over the lake of this environment.

    Raises SystemExit if it runs over another one.
    """
    (state_path() / "logs").mkdir(parents=True, exist_ok=True)
    if _running("connect") is not None:
        other = _read_settings(HOME / "connect.conf")["spark.sql.warehouse.dir"]
        if other != str(lake_path()):
            sys.exit(f"cluster: it runs over the lake {other}: `make cluster-stop` first")
        return
    metastore = _metastore_settings(_metastore_name())
    jars = ":".join(str(jar) for jar in sorted((PROJECT / ".jars").glob("delta-*.jar")))
    settings = local_settings()
    del settings["spark.jars"]  # a Connect session's own class loader would not share its classes
    _write_settings(
        HOME / "connect.conf",
        {
            **_read_settings(HOME / "conf" / "spark-defaults.conf"),
            **settings,
            "spark.master": MASTER,
            "spark.driver.extraClassPath": f"{jars}:{_postgres_jar()}",
            "spark.executor.extraClassPath": jars,
            "spark.connect.grpc.binding.address": HOST,
            "spark.connect.grpc.binding.port": str(CONNECT_PORT),
            "spark.connect.authenticate.token": _secret("connect"),
            "spark.sql.catalogImplementation": "hive",
            **{f"spark.hadoop.{key}": value for key, value in metastore.items()},
            "spark.hadoop.hive.metastore.schema.verification": "false",
        },
    )
    _start("connect", CONNECT_PORT, "spark-submit", "--properties-file", str(HOME / "connect.conf"),
           "--class", "org.apache.spark.sql.connect.service.SparkConnectServer")  # fmt: skip


def stop() -> None:
    """End all that `start` started; the metastore stays in `.cluster`."""
    names = ["connect", *(f"worker-{number}" for number in range(1, WORKERS + 1)), "master"]
    for name in names:
        end(name, signal.SIGTERM)
    if (POSTGRES_FOLDER / "postmaster.pid").exists():
        _postgres("pg_ctl", "stop", "-D", str(POSTGRES_FOLDER), "-m", "fast")


def end(name: str, how: signal.Signals) -> None:
    """Send a signal to one process and wait until it is gone."""
    pid = _running(name)
    if pid is None:
        return
    os.killpg(pid, how)
    deadline = time.monotonic() + 30
    while _running(name) is not None:
        if time.monotonic() > deadline:
            os.killpg(pid, signal.SIGKILL)
        time.sleep(0.2)


def _start(name: str, port: int | None, program: str, *arguments: str) -> None:
    if _running(name) is not None:
        return
    with (HOME / "logs" / name).open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - Spark's own scripts
            [SPARK / "bin" / program, *arguments],
            cwd=PROJECT, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    (HOME / f"{name}.pid").write_text(str(process.pid), encoding="utf-8")
    deadline = time.monotonic() + 180
    while process.poll() is None:
        if port is None or _listens(port):
            return
        if time.monotonic() > deadline:
            break
        time.sleep(0.2)
    sys.exit(f"cluster: {name} did not come up; see {HOME / 'logs' / name}")


def _running(name: str) -> int | None:
    """The process of that name, a leader of its group; None if there is none."""
    try:
        pid = int((HOME / f"{name}.pid").read_text(encoding="utf-8"))
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except FileNotFoundError:
        return None
    return pid if state[0] != "Z" and int(state[2]) == pid else None


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _start_postgres() -> None:
    """Start PostgreSQL with the metastore of the lake, a database whose owner has a password."""
    log = POSTGRES_FOLDER / "log"
    if not POSTGRES_FOLDER.exists():
        POSTGRES_FOLDER.mkdir()
        password = HOME / "postgres.password"
        _write_private(password, _secret("metastore"))
        if os.geteuid() == 0:  # PostgreSQL does not run as root
            shutil.chown(POSTGRES_FOLDER, "postgres")
            shutil.chown(password, "postgres")
        _postgres("initdb", "-D", str(POSTGRES_FOLDER), "-U", "tracekeep", "-E", "UTF8",
                  "-A", "scram-sha-256", "--pwfile", str(password))  # fmt: skip
        password.unlink()
    if not _listens(POSTGRES_PORT):
        options = f"-p {POSTGRES_PORT} -c listen_addresses={HOST} -c unix_socket_directories=''"
        _postgres(
            "pg_ctl", "start", "-w", "-D", str(POSTGRES_FOLDER), "-l", str(log), "-o", options
        )
    psql = ("psql", f"postgresql://tracekeep@{HOST}:{POSTGRES_PORT}/postgres", "-tAc")
    name = _metastore_name()
    if not _postgres(*psql, f"select 1 from pg_database where datname = '{name}'"):  # noqa: S608 - hex
        draft = f"{name}_draft"  # a start that is cut short leaves no metastore without tables
        _postgres(*psql, f"drop database if exists {draft}")
        _postgres(*psql, f"create database {draft}")
        _make_metastore_tables(draft)
        _postgres(*psql, f"alter database {draft} rename to {name}")


def _metastore_name() -> str:
    """A database of its own for each lake, as a metastore holds one lake's places."""
    return f"lake_{hashlib.sha256(str(lake_path()).encode()).hexdigest()[:16]}"


def _make_metastore_tables(database: str) -> None:
    """Make Hive's tables at once: made one by one as they are needed, they wait for each other."""
    properties = {
        "javax.jdo.PersistenceManagerFactoryClass":
            "org.datanucleus.api.jdo.JDOPersistenceManagerFactory",
        **_metastore_settings(database),
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "metastore.properties")
        path.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
        (jar,) = (SPARK / "jars").glob("hive-metastore-*.jar")
        zipfile.ZipFile(jar).extract("package.jdo", folder)
        done = subprocess.run(  # noqa: S603 - DataNucleus's own program, with Spark's JARs
            [SPARK / "bin" / "spark-class", "org.datanucleus.store.schema.SchemaTool",
             "-create", "-api", "JDO", "-props", path, f"{folder}/package.jdo"],
            env={**os.environ, "SPARK_DIST_CLASSPATH": _postgres_jar()},
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        if done.returncode:
            sys.exit(f"cluster: the metastore has no tables: {done.stdout}")


def _metastore_settings(database: str) -> dict[str, str]:
    return {
        "javax.jdo.option.ConnectionURL": f"jdbc:postgresql://{HOST}:{POSTGRES_PORT}/{database}",
        "javax.jdo.option.ConnectionDriverName": "org.postgresql.Driver",
        "javax.jdo.option.ConnectionUserName": "tracekeep",
        "javax.jdo.option.ConnectionPassword": _secret("metastore"),
        "datanucleus.identifierFactory": "datanucleus1",  # as Hive has it
    }


def _postgres_jar() -> str:
    (jar,) = (PROJECT / ".jars").glob("postgresql-*.jar")
    return str(jar)


def _postgres(program: str, *arguments: str) -> str:
    """Run a program of PostgreSQL, as its user if this one is root; returns what it prints."""
    found = shutil.which(program) or max(
        map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{program}")), default=None
    )
    if found is None:
        sys.exit("cluster: PostgreSQL is missing (Debian: apt-get install postgresql)")
    user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    with (HOME / "logs" / "postgres").open("a") as log:
        done = subprocess.run(  # noqa: S603 - PostgreSQL's own programs
            [*user, found, *arguments], cwd="/", text=True, stdout=subprocess.PIPE, stderr=log,
            env={**os.environ, "PGPASSWORD": _secret("metastore")}, check=False,
        )  # fmt: skip
    if done.returncode:
        sys.exit(f"cluster: {program} failed; see {log.name}")
    return done.stdout.strip()


def _secret(name: str) -> str:
    """A random secret, the same in each start."""
    path = HOME / f"{name}.secret"
    if not path.exists():
        _write_private(path, base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())
    return path.read_text(encoding="utf-8")


def _write_settings(path: Path, settings: Mapping[str, str]) -> None:
    _write_private(path, "".join(f"{name} {value}\n" for name, value in settings.items()))


def _read_settings(path: Path) -> dict[str, str]:
    return dict(line.split(" ", 1) for line in path.read_text(encoding="utf-8").splitlines())


def _write_private(path: Path, text: str) -> None:
    path.touch(0o600)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    {"start": start, "stop": stop}[sys.argv[1]]()
