"""Before a run: what it would build."""

from __future__ import annotations

from dataclasses import asdict

from orchestration.cli.shell import Json, app, installation, out, print_json
from orchestration.contracts import load_feeds


@app.command()
def plan(as_json: Json = False) -> None:
    """Say what the next run would build, why, about how long that takes, and the disk it needs."""
    from orchestration.reporting.terminal.plan_shown import print_plan
    from orchestration.state.planned import run_plan

    configured = installation()
    found = run_plan(configured, load_feeds(configured))
    if as_json:
        print_json(asdict(found) | {"seconds": round(found.seconds, 1)})
    else:
        print_plan(out, found)
