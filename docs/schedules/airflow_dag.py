"""Tracekeep by Airflow 3: ingest, Silver, Gold and tests every five minutes; expiry once a day."""

import pendulum
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

COMMAND = "cd /opt/tracekeep && .venv/bin/python -m tracekeep"
ENVIRONMENT = {"TRACEKEEP_LAKE": "/srv/lake"}
START = pendulum.datetime(2026, 1, 1, tz="UTC")

# A pool of one slot keeps the two from writing at once: `airflow pools set tracekeep 1 lake`.
with DAG("tracekeep", schedule="*/5 * * * *", start_date=START, catchup=False, max_active_runs=1):
    BashOperator(
        task_id="run",
        bash_command=f"{COMMAND} run /srv/telemetry",
        env=ENVIRONMENT,
        append_env=True,
        pool="tracekeep",
    )

with DAG("tracekeep_expire", schedule="17 2 * * *", start_date=START, catchup=False):
    BashOperator(
        task_id="expire",
        bash_command=f"{COMMAND} expire",
        env=ENVIRONMENT,
        append_env=True,
        pool="tracekeep",
    )
