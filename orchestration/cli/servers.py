"""Servers on loopback: Dagster's, and Superset."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from urllib.parse import quote

from orchestration.base.settings import PROJECT, private_dir
from orchestration.cli.shell import Port, app, check_port, end, out, settings
from orchestration.site.money import smallest_unit

#: What each audience wants to see of the graph, as its search box takes it.
_GRAPHS = {
    "churn": 'group:"churn" or group:"int_churn"',
    "fraud": 'group:"fraud" or group:"int_fraud" or group:"int_breach"',
    "gates": 'tag:"gate"',
}
_WORKSPACE = ("--workspace", str(PROJECT / "workspace.yaml"))


@app.command()
def ui(port: Port = 3000) -> None:
    """Open the Dagster UI on loopback, with schedule and sensors, for one desk."""
    check_port(port)
    address = f"http://127.0.0.1:{port}"
    out.print(f"The UI is at {address} in half a minute, until Ctrl-C. Its graph as people look at it:")
    for whose, selection in _GRAPHS.items():
        out.print(f"  {whose:<7}{address}/asset-groups~{quote(selection)}/", soft_wrap=True)
    # `dg dev`, which this warning advises, wants a project of its own making
    os.environ["PYTHONWARNINGS"] = "ignore:Function `dev_command` is superseded"
    _dagster("dagster", "dev", "--host", "127.0.0.1", "--port", str(port), "--log-level", "warning", *_WORKSPACE)


@app.command()
def webserver(port: Port = 3000) -> None:
    """Serve the Dagster UI on loopback; runs, schedule and sensors are the daemon's."""
    check_port(port)
    _dagster("dagster-webserver", "--host", "127.0.0.1", "--port", str(port), *_WORKSPACE)


@app.command()
def daemon() -> None:
    """Run the schedule, the sensors and what they and the UI ask for."""
    _dagster("python", "-m", "orchestration.runtime.daemon", "run", *_WORKSPACE)


@app.command()
def migrate() -> None:
    """Bring Dagster's records into the form that a new version of it wants."""
    _dagster("dagster", "instance", "migrate")


def _dagster(program: str, *arguments: str) -> None:
    """Become one of Dagster's programs, with this installation's instance and code location."""
    from orchestration.runtime.instance import prepare_dagster_home

    prepare_dagster_home(settings())
    path = str(Path(sys.executable).with_name(program))
    os.execv(path, [path, *arguments])


@app.command()
def bi(port: Port = 8088) -> None:
    """Open Superset on loopback, with the dashboards of `bi/`; `make bi` sets its environment up."""
    configured = settings()
    python = PROJECT / ".venv-bi" / "bin" / "python"
    if not python.exists():
        end("Superset has no environment yet: `make bi` makes it.")
    if not (configured.serving_dir / "current").exists():
        end("Nothing is published yet: `ringfence run` publishes.")
    check_port(port)
    known = {
        "RINGFENCE_BI_HOME": str(private_dir(configured.home / "bi")),
        "RINGFENCE_BI_SERVING": str(configured.serving_dir),
        "RINGFENCE_BI_TIMEZONE": configured.time_zone,
        "RINGFENCE_BI_MONEY_UNIT": smallest_unit(configured.site_profile),
        "RINGFENCE_BI_PORT": str(port),
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RINGFENCE_")}
    os.execve(python, [str(python), str(PROJECT / "bi" / "serve.py")], inherited | known)
