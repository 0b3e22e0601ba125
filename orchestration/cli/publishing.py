"""Publications: make one, list them, go back to one."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestration.cli.shell import Json, app, end, installation, out, print_json, settings
from orchestration.contracts import load_feeds


@app.command()
def publish() -> None:
    """Publish the warehouse as it stands, without a run: what its gates let through."""
    import duckdb

    from orchestration.base.machine import is_about_room
    from orchestration.privacy.custody import shared
    from orchestration.serving.publish import NOTHING
    from orchestration.serving.publish import publish as build
    from orchestration.warehouse import dbt
    from orchestration.warehouse.graph import Graph

    configured = settings()
    try:
        with shared(configured):
            entry = build(configured, Graph(dbt.manifest(configured)), load_feeds(configured), run_id=None)
    except duckdb.IOException as error:
        if is_about_room(error):
            raise
        end("The warehouse is not there yet, or a run is using it; try again when it has ended.")
    if entry is None:
        end(NOTHING, 3)
    out.print(f"Published generation {entry.generation}: {len(entry.relations)} relations.")


@app.command()
def generations(as_json: Json = False) -> None:
    """List the publications that are kept."""
    from orchestration.reporting.terminal.status_shown import print_generations
    from orchestration.serving.generations import current_publication, publications

    configured = installation()
    kept, now = publications(configured), current_publication(configured)
    if as_json:
        print_json(
            [
                entry.model_dump(mode="json") | {"is_current": bool(now and entry.generation == now.generation)}
                for entry in kept
            ]
        )
    else:
        print_generations(out, kept, now)


@app.command()
def rollback(
    to: Annotated[str | None, typer.Option(help="Generation; the one before the current if left out.")] = None,
) -> None:
    """Point readers at an earlier publication."""
    from orchestration.serving import generations as kept

    entry = kept.rollback(settings(), to)
    out.print(f"Readers now see {entry.generation}.")
