"""A signed statement of figures: what they are and rest on, for somebody who trusts nobody.

What is stated is a tree of JSON. Each leaf has a digest under its path (`/figures/0/value`), and the list of digests is
signed, so that a change says where it is. A statement holds aggregates and hashes, never a row or a pseudonym.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from importlib.metadata import version
from typing import Any
from zoneinfo import ZoneInfo

from orchestration.base.files import sha256_of
from orchestration.base.refusal import Refusal
from orchestration.base.settings import Settings
from orchestration.contracts import Feed
from orchestration.evidence.deliveries import known_by
from orchestration.evidence.figure import FigureError, figure_of
from orchestration.evidence.signing import SigningKey
from orchestration.evidence.trace import Trace, trace
from orchestration.ingest.receipt import Receipt, read_receipts, revision_dir
from orchestration.privacy.custody import key_in_use
from orchestration.privacy.masking import mask_numbers
from orchestration.serving.generations import current_publication
from orchestration.warehouse import dbt
from orchestration.warehouse.graph import Graph

FORM = "ringfence statement 1"
#: What a statement says of a figure, as its trace has it; not the row beside it, nor what only this machine knows.
_STATED = (
    "figure", "relation", "column", "where", "value", "recounted", "unit", "definition", "scope", "view", "days",
    "counts", "conditions", "steps", "models", "gates", "may_change", "known_values",
)  # fmt: skip


def attest(
    settings: Settings, graph: Graph, feeds: Mapping[str, Feed], names: Sequence[str], reason: str
) -> dict[str, Any]:
    """A signed statement of published figures.

    Raises:
        FigureError: if one is not a figure of the open file as it stands there, or nothing is published.
        UnknownNameError: if a relation or column has no such name.
        Refusal: if there is no reason.
        SigningKeyError: if the key cannot be used.
    """
    if not reason.strip():
        raise Refusal("A reason is needed: --reason TEXT. It stands in the statement.")
    traces = [_traced(settings, graph, feeds, name) for name in names]
    publication = current_publication(settings)
    assert publication is not None  # or nothing could have been traced
    relations = {found.relation for found in traces}
    stated = {
        "form": FORM,
        "reason": mask_numbers(reason.strip(), settings.site_profile.numbers),
        "made_at": datetime.now(UTC),
        "ringfence": version("ringfence"),
        "site": {"view": settings.view, "time_zone": settings.time_zone, "currency": settings.site_profile.currency},
        "generation": {
            "name": publication.generation,
            "published_at": publication.published_at,
            "code": publication.git_commit,
            "relations": [
                entry for entry in publication.relations if entry.relation in relations and entry.door == "open"
            ],
        },
        "project": dbt.fingerprint(settings),
        "known_on": _known_on(settings, publication.published_at),
        "pseudonym_key": key_in_use(settings),
        "feeds": {
            name: of_feed(known_by(settings, name, publication.published_at))
            for name in sorted(
                set().union(*(graph.feeds_of(figure_of(graph, one, None).node) for one in names)) & feeds.keys()
            )
        },
        "figures": [{name: getattr(found, name) for name in _STATED} for found in traces],
        "deliveries": list(_deliveries(settings, traces)),
    }
    return sign(SigningKey.of(settings), plain(stated))


def sign(key: SigningKey, stated: dict[str, Any]) -> dict[str, Any]:
    """What is stated, with the digests of its leaves, signed."""
    found = digests(stated)
    return {"stated": stated, "digests": found, "public_key": key.public, "signature": key.sign(canonical(found))}


def digests(stated: Any) -> dict[str, str]:
    """SHA-256 of every leaf of a tree by its path; an empty branch is a leaf."""
    return {path: hashlib.sha256(canonical(leaf)).hexdigest() for path, leaf in leaves(stated)}


def leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves of a tree of JSON with their paths (RFC 6901)."""
    if tree and isinstance(tree, dict):
        for name in tree:
            yield from leaves(tree[name], f"{path}/{name.replace('~', '~0').replace('/', '~1')}")
    elif tree and isinstance(tree, list):
        for place, value in enumerate(tree):
            yield from leaves(value, f"{path}/{place}")
    else:
        yield path, tree


def canonical(content: Any) -> bytes:
    """The one way in which a value is written where it is hashed or signed."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def as_text(statement: Mapping[str, Any]) -> str:
    """A statement as its file has it."""
    return json.dumps(statement, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def plain(found: Any) -> Any:
    """A value as JSON has it: instants in UTC, dates in ISO 8601."""
    if isinstance(found, dict):
        return {str(name): plain(value) for name, value in found.items()}
    if isinstance(found, list | tuple):
        return [plain(value) for value in found]
    if isinstance(found, datetime):
        return found.astimezone(UTC).isoformat()
    if isinstance(found, date):
        return found.isoformat()
    if hasattr(found, "model_dump"):
        return plain(found.model_dump(mode="json"))
    return plain(asdict(found)) if hasattr(found, "__dataclass_fields__") else found


def _traced(settings: Settings, graph: Graph, feeds: Mapping[str, Feed], name: str) -> Trace:
    if "open" not in figure_of(graph, name, None).node.tags:
        raise FigureError(f"{name}: stands for single lines or persons; a statement is of figures of the open file.")
    found = trace(settings, graph, feeds, name)
    if found.shown != found.value:
        raise FigureError(f"{name}: the open file merges small groups there; a statement would tell of them.")
    return found


def _known_on(settings: Settings, by: datetime) -> date:
    """The day by whose end all that the publication can hold had been delivered."""
    taken = [one.delivered_at for one in read_receipts(settings.raw_dir) if one.ingested_at <= by]
    return max(taken).astimezone(ZoneInfo(settings.time_zone)).date()


def _deliveries(settings: Settings, traces: Sequence[Trace]) -> Iterator[dict[str, Any]]:
    """Each delivery once, with how many rows of each figure it tells of, and the hashes of what raw holds of it."""
    known = {(one.feed, one.dt, one.rev): one for found in traces for one in found.deliveries}
    for (feed, dt, rev), one in sorted(known.items()):
        told = asdict(one)
        del told["rows_counted"]
        counted = [
            next((two.rows_counted for two in found.deliveries if (two.feed, two.dt, two.rev) == (feed, dt, rev)), 0)
            for found in traces
        ]
        raw = {path.name: sha256_of(path) for path in revision_dir(settings.raw_dir, feed, dt, rev).glob("*.parquet")}
        yield told | {"rows_counted": counted, "raw": raw}


def of_feed(receipts: Sequence[Receipt]) -> dict[str, Any]:
    """All revisions of a feed: how many, and one hash of what they were made of."""
    listed = sorted(f"{one.dt} {one.rev} {one.status} {one.sha256}" for one in receipts)
    return {"revisions": len(listed), "sha256": hashlib.sha256("\n".join(listed).encode()).hexdigest()}
