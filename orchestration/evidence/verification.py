"""What can be confirmed of a statement: by itself, and on a machine that has what it rests on."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from orchestration.base.settings import Settings
from orchestration.contracts import Feed
from orchestration.evidence.basis import adds_up
from orchestration.evidence.descent import checksums_of, python_models, upstream
from orchestration.evidence.figure import figure_of, published, total
from orchestration.evidence.signing import fingerprint, is_signed
from orchestration.evidence.statement import FORM, as_text, canonical, digests, sha256
from orchestration.ingest.delivery import find_delivery
from orchestration.ingest.receipt import Receipt, read_receipts, revision_dir
from orchestration.serving.build import checksum
from orchestration.serving.generations import publications
from orchestration.warehouse import dbt
from orchestration.warehouse.graph import Graph
from orchestration.warehouse.known_on import built_as_known_on

_MOST = 8


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: confirmed, refuted, or, if None, not to be told here."""

    subject: str
    is_confirmed: bool | None
    detail: str


def verify_alone(text: str, public_key: str | None = None) -> tuple[list[Finding], Mapping[str, Any] | None]:
    """What a statement's text says for itself, and what it states, if it is one; `public_key` is the signer's."""
    try:
        statement = json.loads(text)
        stated, listed = statement["stated"], statement["digests"]
        public, signature = statement["public_key"], statement["signature"]
    except json.JSONDecodeError as error:
        return [Finding("form", False, f"line {error.lineno}, column {error.colno}: {error.msg}")], None
    except (KeyError, TypeError) as error:
        return [Finding("form", False, f"is not a statement: {error}")], None
    return [
        _form(text, statement, stated),
        Finding("signature", *_signature(public, signature, listed, public_key)),
        _content(stated, listed),
    ], stated


def _form(text: str, statement: Any, stated: Any) -> Finding:
    if not isinstance(stated, dict) or stated.get("form") != FORM:
        return Finding("form", False, f"is not a {FORM!r}")
    written, expected = text.splitlines(), as_text(statement).splitlines()
    for number, (line, other) in enumerate(zip(written, expected, strict=False), 1):
        if line != other:
            return Finding("form", False, f"line {number} is not written as a statement is")
    is_whole = text == as_text(statement)
    return Finding("form", is_whole, FORM if is_whole else "its end is not as it was written")


def _signature(public: str, signature: str, listed: Any, wanted: str | None) -> tuple[bool, str]:
    if not is_signed(str(public), str(signature), canonical(listed)):
        return False, "the list of digests, the public key or the signature has been changed"
    if wanted and wanted != public:
        return False, f"signed by another key: {fingerprint(public)}"
    known = "as was asked for" if wanted else "see that it is the signer's: --key"
    return True, f"by the key {fingerprint(public)}, {known}"


def _content(stated: Any, listed: Mapping[str, str]) -> Finding:
    found = digests(stated)
    changed = sorted(path for path in found.keys() | listed.keys() if found.get(path) != listed.get(path))
    if changed:
        more = f" and {len(changed) - _MOST} more" if len(changed) > _MOST else ""
        return Finding("content", False, f"changed since it was signed: {', '.join(changed[:_MOST])}{more}")
    return Finding("content", True, f"{len(found)} entries as they were signed")


def verify_here(
    settings: Settings, graph: Graph, feeds: Mapping[str, Feed], stated: Mapping[str, Any]
) -> Iterator[Finding]:
    """What this installation can confirm: generation, receipts, raw files, landing, models, and each figure anew."""
    yield _generation(settings, graph, stated["generation"])
    receipts = {(one.feed, str(one.dt), one.rev): one for one in read_receipts(settings.raw_dir)}
    yield _receipts(receipts, stated["deliveries"])
    raw = _raw(settings, feeds, stated["deliveries"])
    yield raw
    yield _landing(settings, feeds, receipts, stated["deliveries"])
    yield _models(graph, stated["figures"])
    is_same = stated["project"] == dbt.fingerprint(settings)
    yield Finding(
        "the rest of the project", is_same or None,
        "macros, reference tables and view as stated" if is_same else "another version than the one that stated it",
    )  # fmt: skip
    for entry in stated["figures"]:
        yield _recomputed(settings, graph, feeds, entry, stated, has_raw=raw.is_confirmed is True)


def _generation(settings: Settings, graph: Graph, stated: Mapping[str, Any]) -> Finding:
    if stated["name"] not in {kept.generation for kept in publications(settings)}:
        return Finding("generation", None, f"{stated['name']} is not kept here")
    known = {node.relation for node in graph.published()}
    with published(settings, stated["name"]) as (con, _):
        wrong = [
            entry["relation"]
            for entry in stated["relations"]
            if entry["relation"] not in known
            or checksum(con, f"open.{entry['relation']}") != (entry["rows"], entry["checksum"])
        ]
    if wrong:
        return Finding("generation", False, f"{', '.join(wrong)} of {stated['name']} is not what was stated")
    return Finding("generation", True, f"{stated['name']}: {len(stated['relations'])} relations, by their checksums")


def _receipts(receipts: Mapping[tuple[str, str, int], Receipt], stated: list[Mapping[str, Any]]) -> Finding:
    wrong, absent = [], []
    for entry in stated:
        receipt = receipts.get((entry["feed"], entry["dt"], entry["rev"]))
        if receipt is None:
            absent.append(_named(entry))
        elif _told(receipt) != _told_in(entry):
            wrong.append(_named(entry))
    return _finding("receipts", stated, wrong, absent)


def _told(receipt: Receipt) -> list[Any]:
    files = [[file.name, file.sha256] for file in receipt.files]
    return [
        receipt.sha256, files, receipt.rows_read, receipt.rows_accepted, receipt.rows_quarantined,
        receipt.rows_duplicate,
    ]  # fmt: skip


def _told_in(entry: Mapping[str, Any]) -> list[Any]:
    rows = [entry[name] for name in ("rows_read", "rows_accepted", "rows_quarantined", "rows_duplicate")]
    return [entry["sha256"], [[one["name"], one["sha256"]] for one in entry["files"]], *rows]


def _raw(settings: Settings, feeds: Mapping[str, Feed], stated: list[Mapping[str, Any]]) -> Finding:
    wrong, absent = [], []
    for entry in stated:
        if entry["feed"] not in feeds:
            absent.append(_named(entry))
            continue
        folder = revision_dir(settings.raw_dir, entry["feed"], date.fromisoformat(entry["dt"]), entry["rev"])
        found = {path.name: sha256(path) for path in folder.glob("*.parquet")}
        if not found and entry["raw"]:
            absent.append(_named(entry))
        elif found != entry["raw"]:
            wrong.append(_named(entry))
    return _finding("raw files", stated, wrong, absent)


def _landing(
    settings: Settings, feeds: Mapping[str, Feed], receipts: Mapping[tuple[str, str, int], Receipt],
    stated: list[Mapping[str, Any]],
) -> Finding:  # fmt: skip
    """The extracts themselves; those of a revision that a later one has replaced are not there any more."""
    wrong, absent = [], []
    for entry in stated:
        feed, later = feeds.get(entry["feed"]), (entry["feed"], entry["dt"], entry["rev"] + 1)
        found = find_delivery(settings.landing_dir, feed, date.fromisoformat(entry["dt"])) if feed else None
        if found is None or later in receipts:
            absent.append(_named(entry))
        elif found.sha256 != entry["sha256"]:
            wrong.append(_named(entry))
    return _finding("extracts in landing", stated, wrong, absent)


def _models(graph: Graph, stated: list[Mapping[str, Any]]) -> Finding:
    wanted = {name: checksum for entry in stated for name, checksum in entry["models"].items()}
    here = checksums_of(graph, wanted)
    wrong = [name for name, checksum in wanted.items() if here.get(name) != checksum]
    return _finding("models", wanted, wrong, [])


def _recomputed(
    settings: Settings, graph: Graph, feeds: Mapping[str, Feed], entry: Mapping[str, Any], stated: Mapping[str, Any], *,
    has_raw: bool,
) -> Finding:  # fmt: skip
    """A figure made again from raw, by the models of this machine, as known on the statement's day."""
    subject = f"value of {entry['figure']}"
    if not has_raw:
        return Finding(subject, None, "not made again: raw is not here as it was")
    figure = figure_of(graph, entry["figure"], None)
    if set(upstream(graph, figure)) & python_models(graph):
        return Finding(subject, None, "not made again: it is an estimate of a Python model")
    known_on = date.fromisoformat(stated["known_on"])
    with built_as_known_on(settings, feeds, known_on, [figure.node.name]) as con:
        rows = con.execute(f"select {figure.selected} from {figure.node.relation} where {figure.where}").fetchall()
    value = total([value for (value,) in rows], adds_up=adds_up(graph, figure)) if rows else None
    is_same = _is_same(value, entry["value"])
    return Finding(subject, is_same, f"made again from raw as known on {known_on}: {value}, stated {entry['value']}")


def _is_same(value: Any, stated: Any) -> bool:
    if isinstance(value, float) and isinstance(stated, int | float):
        return math.isclose(value, stated, rel_tol=1e-9)
    return bool(value == stated)


def _named(entry: Mapping[str, Any]) -> str:
    return f"{entry['feed']} {entry['dt']} rev {entry['rev']}"


def _finding(subject: str, all_: Any, wrong: list[str], absent: list[str]) -> Finding:
    if wrong:
        return Finding(subject, False, f"not what was stated: {', '.join(wrong[:_MOST])}")
    if len(absent) == len(all_):
        return Finding(subject, None, "none of them is here")
    missing = f"; {len(absent)} are not here" if absent else ""
    return Finding(subject, True, f"{len(all_) - len(absent)} as stated{missing}")
