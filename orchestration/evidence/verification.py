"""What can be confirmed of a statement: by itself, and on a machine that has what it rests on."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from orchestration.base.content import content_of
from orchestration.base.files import sha256_of
from orchestration.base.settings import Settings
from orchestration.contracts import Feed
from orchestration.evidence.basis import adds_up
from orchestration.evidence.descent import checksums_of, python_models, upstream
from orchestration.evidence.figure import figure_of, published, total
from orchestration.evidence.signing import fingerprint, is_signed
from orchestration.evidence.statement import FORM, as_text, canonical, digests, of_feed
from orchestration.ingest.delivery import find_delivery
from orchestration.ingest.receipt import Receipt, read_receipts, revision_dir
from orchestration.privacy.custody import key_in_use
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
    is_keyed_otherwise = stated["pseudonym_key"] != (key_in_use(settings) or stated["pseudonym_key"])
    received = _receipts(receipts, stated["deliveries"], is_taken_in_anew=is_keyed_otherwise)
    yield received
    raw = _raw(settings, feeds, stated["deliveries"])
    if is_keyed_otherwise and raw.is_confirmed is False:
        raw = Finding(raw.subject, None, "made here under another pseudonym key, so that their bytes differ")
    yield raw
    yield _landing(settings, feeds, receipts, stated["deliveries"])
    yield _models(graph, stated["figures"])
    is_same = stated["project"] == dbt.fingerprint(settings)
    yield Finding(
        "the rest of the project", is_same or None,
        "macros, reference tables and view as stated" if is_same else "another version than the one that stated it",
    )  # fmt: skip
    has_raw = received.is_confirmed is True if is_keyed_otherwise else raw.is_confirmed is True
    for entry in stated["figures"]:
        if has_raw:
            yield _recomputed(settings, graph, feeds, entry, stated)
        else:
            yield Finding(f"value of {entry['figure']}", None, "not made again: raw is not here as it was")


def _generation(settings: Settings, graph: Graph, stated: Mapping[str, Any]) -> Finding:
    if stated["name"] not in {kept.generation for kept in publications(settings)}:
        return Finding("generation", None, f"{stated['name']} is not kept here")
    known = {node.relation for node in graph.published()}
    with published(settings, stated["name"]) as (con, _):
        wrong = [
            entry["relation"]
            for entry in stated["relations"]
            if entry["relation"] not in known
            or content_of(con, f"open.{entry['relation']}").as_published != (entry["rows"], entry["checksum"])
        ]
    if wrong:
        return Finding("generation", False, f"{', '.join(wrong)} of {stated['name']} is not what was stated")
    return Finding("generation", True, f"{stated['name']}: {len(stated['relations'])} relations, by their checksums")


def _receipts(
    receipts: Mapping[tuple[str, str, int], Receipt], stated: list[Mapping[str, Any]], *, is_taken_in_anew: bool
) -> Finding:
    """What receipts say, byte for byte; of the same files taken in anew, all but when they were delivered."""
    wrong, absent = [], []
    for entry in stated:
        receipt = receipts.get((entry["feed"], entry["dt"], entry["rev"]))
        if receipt is None:
            absent.append(_named(entry))
        elif _told(receipt) != _told_in(entry) or not (
            is_taken_in_anew or receipt.delivered_at == datetime.fromisoformat(entry["delivered_at"])
        ):
            wrong.append(_named(entry))
    return _finding("receipts", stated, wrong, absent)


def _told(receipt: Receipt) -> list[Any]:
    files = [[file.name, file.bytes, file.sha256] for file in receipt.files]
    return [
        receipt.sha256, files, receipt.status, receipt.reasons, receipt.rows_read, receipt.rows_accepted,
        receipt.rows_quarantined, receipt.rows_duplicate,
    ]  # fmt: skip


def _told_in(entry: Mapping[str, Any]) -> list[Any]:
    names = ("status", "reasons", "rows_read", "rows_accepted", "rows_quarantined", "rows_duplicate")
    files = [[one["name"], one["bytes"], one["sha256"]] for one in entry["files"]]
    return [entry["sha256"], files, *(entry[name] for name in names)]


def _raw(settings: Settings, feeds: Mapping[str, Feed], stated: list[Mapping[str, Any]]) -> Finding:
    wrong, absent = [], []
    for entry in stated:
        if entry["feed"] not in feeds:
            absent.append(_named(entry))
            continue
        folder = revision_dir(settings.raw_dir, entry["feed"], date.fromisoformat(entry["dt"]), entry["rev"])
        found = {path.name: sha256_of(path) for path in folder.glob("*.parquet")}
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
    settings: Settings, graph: Graph, feeds: Mapping[str, Feed], entry: Mapping[str, Any], stated: Mapping[str, Any]
) -> Finding:
    """A figure made again from raw, by the models of this machine, as known on the statement's day.

    From some of the deliveries alone it is not confirmed: another one might change it.
    """
    subject = f"value of {entry['figure']}"
    figure = figure_of(graph, entry["figure"], None)
    if set(upstream(graph, figure)) & python_models(graph):
        return Finding(subject, None, "not made again: it is an estimate of a Python model")
    known_on = date.fromisoformat(stated["known_on"])
    with built_as_known_on(settings, feeds, known_on, [figure.node.name]) as con:
        rows = con.execute(f"select {figure.selected} from {figure.node.relation} where {figure.where}").fetchall()
    value = total([value for (value,) in rows], adds_up=adds_up(graph, figure)) if rows else None
    is_same, partly = _is_same(value, entry["value"]), _partly(settings, stated, graph.feeds_of(figure.node))
    told = f"made again from raw{partly} as known on {known_on}: {value}, stated {entry['value']}"
    return Finding(subject, None if partly else is_same, told)


def _partly(settings: Settings, stated: Mapping[str, Any], feeds: Collection[str]) -> str:
    """Which of these feeds are not here with all the deliveries that were known on the statement's day, in words."""
    zone, known_on = ZoneInfo(settings.time_zone), date.fromisoformat(stated["known_on"])
    parts = []
    for name, whole in stated["feeds"].items():
        here = [
            one for one in read_receipts(settings.raw_dir, name) if one.delivered_at.astimezone(zone).date() <= known_on
        ]
        if name in feeds and of_feed(here) != whole:
            parts.append(f"{len(here)} of {whole['revisions']} deliveries of {name}")
    return f" ({', '.join(parts)})" if parts else ""


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
