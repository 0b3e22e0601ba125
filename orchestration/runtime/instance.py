"""The Dagster instance of an installation: its folder, its configuration, and runs whose process is gone."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from orchestration.base.files import replace_text
from orchestration.base.settings import Settings, private_dir
from orchestration.runtime.dagster_internals import free_pool_slots, instance_ref

JOB = "daily"  # the job over all assets
_SHIPPED = "# Shipped with Ringfence"  # how a dagster.yaml begins that an upgrade may replace
UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_PRINTS = {
    "compute_logs": {
        "module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager", "config": {},
    }
}  # fmt: skip
_AT_WORK = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


@contextmanager
def open_instance(settings: Settings, *, is_at_terminal: bool = False) -> Iterator[dg.DagsterInstance]:
    """The instance, in which no run is at work whose process is gone.

    At a terminal, what steps print is not caught: the processes that catch it would each answer Ctrl-C by a traceback.
    """
    home = str(prepare_dagster_home(settings))
    with dg.DagsterInstance.from_ref(instance_ref(home, _PRINTS if is_at_terminal else {})) as instance:
        bury_dead_runs(instance)
        yield instance


def prepare_dagster_home(settings: Settings) -> Path:
    """Make Dagster's folder with the environment's `dagster.yaml`, unless the installation has its own."""
    home = private_dir(settings.dagster_home)
    target = home / "dagster.yaml"
    if not target.exists() or target.read_text("utf-8").startswith(_SHIPPED):
        replace_text(target, _configuration(settings))
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ["DAGSTER_EVENT_LOG"] = str(home / "history" / "runs")
    if settings.postgres_url:  # with the driver that dagster-postgres brings: SQLAlchemy would take another one
        _, _, address = settings.postgres_url.get_secret_value().partition("://")
        os.environ["DAGSTER_POSTGRES_URL"] = f"postgresql+psycopg2://{address}"
    return home


def _configuration(settings: Settings) -> str:
    """Common to all environments, and where this one keeps its records."""
    parts = ("dagster.yaml", f"dagster-{settings.environment.storage}.yaml")
    return "".join(Path(__file__).with_name(part).read_text("utf-8") for part in parts)


def bury_dead_runs(instance: dg.DagsterInstance) -> None:
    """Fail runs whose process was killed, so that they no longer hold the warehouse's pool.

    Dagster's own monitoring asks the run launcher, and the one of a single machine knows nothing.
    """
    for record in instance.get_run_records(dg.RunsFilter(statuses=_AT_WORK)):
        run = record.dagster_run
        pid, began = _process_of(instance, run.run_id)
        if pid and not _is_alive(pid, began):
            instance.report_run_failed(run, "The process of this run is gone.")
            free_pool_slots(instance, run.run_id)


def is_busy(instance: dg.DagsterInstance) -> bool:
    """Whether a run is queued or at work, so that what it is going to find need not be asked for."""
    return instance.get_runs_count(dg.RunsFilter(statuses=UNFINISHED)) > 0


def _process_of(instance: dg.DagsterInstance, run_id: str) -> tuple[int | None, float]:
    """The process that a run says it works in, and when it said so."""
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
        event = entry.dagster_event
        pid = event.engine_event_data.metadata.get("pid") if event else None
        if pid:
            return int(str(pid.value)), entry.timestamp
    return None, 0


def _is_alive(pid: int, began: float) -> bool:
    """Whether the process is there, and not another one that has got its number since `began`."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():  # not Linux: a number that was given again counts as the same process
        return True
    ticks = int(stat.read_text().rpartition(")")[2].split()[19])
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    age_seconds = uptime - ticks / os.sysconf("SC_CLK_TCK")
    return time.time() - age_seconds <= began + 1
