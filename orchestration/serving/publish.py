"""Publication: a generation is built, verified, sealed, and made the current one."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from orchestration.base.files import sync
from orchestration.base.settings import PROJECT, Settings
from orchestration.base.sql import connect
from orchestration.contracts import Feed
from orchestration.gates import overrides
from orchestration.gates.suites import SHIPPED
from orchestration.ingest.known_since import note_passed
from orchestration.ingest.receipt import Receipt, newest, read_receipts
from orchestration.runtime.warehouse_lock import warehouse_lock
from orchestration.serving.build import STORAGE_VERSION, build
from orchestration.serving.doors import open_doors
from orchestration.serving.generations import (
    DOORS,
    PUBLICATION,
    Publication,
    building_dir,
    current_publication,
    prune,
    switch,
)
from orchestration.serving.ops import create_ops
from orchestration.serving.origins import has_other_rows
from orchestration.serving.sealed import seal
from orchestration.serving.taken_files import write_files
from orchestration.serving.verify import verify
from orchestration.warehouse import dbt
from orchestration.warehouse.graph import Graph
from orchestration.warehouse.held import held_back, not_judged_yet
from orchestration.warehouse.raw_relations import revisions_built
from orchestration.warehouse.stage import LAST

_STAGES = ("raw", "staging", "marts")
BY_HAND = "by hand"
NOTHING = "Nothing can be published: every mart is held back, and there is no earlier version."


def inputs_fingerprint(
    settings: Settings,
    feeds: Mapping[str, Feed],
    receipts: Sequence[Receipt] | None = None,
    made_with: str | None = None,
) -> str:
    """Identity of what a publication rests on: revisions, overrides, and what they are `made_with`, as now if left out.

    Two runs at once see each other's revisions, so it alone does not say that the rows are made of these.
    """
    digest = hashlib.sha256((made_with or rules_fingerprint(settings, feeds)).encode())
    for receipt in newest(read_receipts(settings.raw_dir) if receipts is None else receipts):
        digest.update(f"{receipt.feed}|{receipt.dt}|{receipt.rev}|{receipt.sha256}".encode())
    for path in overrides.files(settings):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def rules_fingerprint(settings: Settings, feeds: Mapping[str, Feed]) -> str:
    """Identity of what people write: contracts, models, references, suites, view."""
    digest = hashlib.sha256(dbt.fingerprint(settings).encode())
    for feed in feeds.values():
        digest.update(feed.fingerprint.encode())
    for folder in [SHIPPED, *([settings.site / "expectations"] if settings.site else [])]:
        for path in sorted(folder.rglob("*.json")):
            digest.update(path.read_bytes())
    digest.update(f"{settings.small_group_threshold}".encode())
    return digest.hexdigest()


def already_published(
    settings: Settings, graph: Graph, feeds: Mapping[str, Feed], made_with: str | None = None
) -> Publication | None:
    """What readers see, if a new generation would be the same: made from the same, with nothing held back."""
    current = current_publication(settings)
    if current is None or current.held_back:
        return None
    if current.inputs != inputs_fingerprint(settings, feeds, made_with=made_with):
        return None
    with warehouse_lock(settings):
        return None if held_back(settings, graph, _STAGES) or has_other_rows(settings, graph) else current


def publish(
    settings: Settings, graph: Graph, feeds: Mapping[str, Feed], run_id: str | None, made_with: str | None = None
) -> Publication | None:
    """Publish what its gates let through, beside the previous version of what they hold back; waits for the warehouse.

    `made_with` is the `rules_fingerprint` of when the run began: what was edited since is the next run's work.

    Without a run, nobody knows whether the warehouse was built from all that has been ingested: such a publication is
    not what a run would publish, and the next run has its work to do.

    Returns None if there is no relation to publish, neither a fresh one nor an earlier one.

    Raises:
        VerificationError: if it is not what it should be; readers keep the current generation.
    """
    with warehouse_lock(settings):
        return _publish(settings, graph, feeds, run_id, made_with)


def _publish(
    settings: Settings, graph: Graph, feeds: Mapping[str, Feed], run_id: str | None, made_with: str | None
) -> Publication | None:
    now = datetime.now(UTC)
    generation = f"{now:%Y%m%dT%H%M%S%fZ}"
    building = building_dir(settings, generation)
    building.mkdir(parents=True)
    try:
        receipts = _known_to_marts(settings, feeds)  # once, and the gates too: all parts tell of the same state
        held = held_back(settings, graph, _STAGES, not_judged_yet(settings, graph))
        built = build(settings, graph, building, receipts, held)
        relations = built.relations
        if not relations:
            return None
        publication = Publication(
            generation=generation, run_id=run_id or BY_HAND, git_commit=_git_commit(), published_at=now,
            engine=settings.engine, relations=relations, missing=built.missing,
            inputs=inputs_fingerprint(settings, feeds, receipts, made_with) if run_id else BY_HAND,
        )  # fmt: skip
        create_ops(settings, graph, feeds, building / DOORS["open"][0], publication, STORAGE_VERSION, receipts)
        verify(settings, graph, building, publication, held, built.kept)
        write_files(settings, building, publication)
        _seal(building, publication)
        if through := max((entry.data_through for entry in relations if entry.data_through), default=None):
            note_passed(settings, through, now)
        open_doors(settings, building)
        building.rename(settings.serving_dir / generation)
        switch(settings, generation)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    prune(settings)
    return publication


def _known_to_marts(settings: Settings, feeds: Mapping[str, Feed]) -> list[Receipt]:
    """All receipts but those of deliveries that no marts were built from yet: these are another run's."""
    with connect(settings, str(settings.warehouse), read_only=True) as con:
        known = revisions_built(con, LAST) or ()
    return [
        receipt
        for receipt in read_receipts(settings.raw_dir)
        if receipt.status != "ACCEPTED" or receipt.feed not in feeds or (receipt.feed, receipt.dt, receipt.rev) in known
    ]


def _seal(building: Path, publication: Publication) -> None:
    """Everything on disk and closed to change before anybody is pointed at it."""
    (building / PUBLICATION).write_text(json.dumps(publication.model_dump(mode="json"), indent=1), "utf-8")
    seal(building)
    for path in [*building.rglob("*"), building]:
        if not path.is_symlink():
            sync(path)


def _git_commit() -> str | None:
    command: Sequence[str] = ("git", "-C", str(PROJECT), "rev-parse", "--short=12", "HEAD")
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
