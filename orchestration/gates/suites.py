"""Suites: what a relation is expected to be, read from JSON.

A suite is put together from layers, each of which may be absent; a later layer adds expectations, or
overrides one by its id:

    expectations/<stage>/_default.json             what holds for every relation of the stage
    expectations/<stage>/<relation>.json           what holds for this one
    <site>/expectations/<stage>/_default.json      what this site sees differently
    <site>/expectations/<stage>/<relation>.json

The JSON is Great Expectations' own: `{"name", "expectations": [{"id", "type", "kwargs", "severity",
"meta"}]}`, with `partition_by` beside the name where a column tells the relation's days apart. In `meta`, `why` says
in one sentence why the expectation is there, `critical_above_pct` from which share of failing rows on a warning closes
the gate, `row_by_row` that each row is judged by itself, and only once, and `per` of which column's value it takes the
rows together, which are judged again where one of them has changed. `observed` and
`expected` say of a single failing row, such as a delivery, what was seen in it and what should have been: `{column}` in
them stands for the row's value, or for the argument of that name. Nothing here imports GX.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from string import Formatter
from typing import Any

from orchestration.base.files import NotTextError, RepeatedKeyError, parse_json, read_text
from orchestration.base.refusal import Refusal
from orchestration.base.settings import PROJECT
from orchestration.gates.engine import UnsupportedExpectation, may_judge_row_by_row, refuse_unsupported

STAGES = ("raw", "staging", "marts")
SHIPPED = PROJECT / "expectations"
_DEFAULT = "_default"
_FIELDS = frozenset({"id", "type", "kwargs", "severity", "meta", "enabled"})
_ID = re.compile(r"[a-z][a-z0-9_]*")


class SuiteError(Refusal):
    """A suite file is wrong; the message names the file and the expectation."""


class Severity(StrEnum):
    """What a failed expectation does: `CRITICAL` closes the gate, the others are only shown."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True)
class Expectation:
    """One expectation of a suite; `why` is one sentence for the person whose morning it spoils.

    `critical_above_pct` makes a warning critical once more than that share of the rows failed: one wrong
    row is a clerk's mistake, one in a hundred is a column read wrongly. `row_by_row` says that a row passes or
    fails by its own values alone, so that one which has passed need not be judged again. `per` names a column: which
    rows fail is told from rows of the same value alone, and rows that are taken away make no other one fail.
    """

    id: str
    type: str
    kwargs: Mapping[str, Any]
    severity: Severity
    why: str
    critical_above_pct: float | None = None
    row_by_row: bool = False
    per: str | None = None
    observed: str | None = None
    expected: str | None = None

    @property
    def of_gx(self) -> dict[str, Any]:
        """What Great Expectations takes of it."""
        return {"id": self.id, "type": self.type, "kwargs": self.kwargs}

    @property
    def has_own_sql(self) -> bool:
        """Whether a query of the suite's author selects the wrong rows, and not a condition of Great Expectations."""
        return "unexpected_rows_query" in self.kwargs

    def names(self, relation: str) -> bool:
        """Whether its author's query reads another relation, written `schema.name`."""
        query = str(self.kwargs.get("unexpected_rows_query", ""))
        schema, _, name = map(re.escape, relation.partition("."))
        return re.search(rf'\b{schema}\.("{name}"|{name}\b)', query) is not None


@dataclass(frozen=True)
class Suite:
    """All expectations of one relation at one stage, layers applied, in the order of the files.

    `partition_by` is the column by which failures are told and shares are taken, and by which rows that passed and
    have not changed are left in peace; without one, the relation is judged as a whole.
    """

    stage: str
    relation: str
    expectations: tuple[Expectation, ...]
    partition_by: str | None = None

    @property
    def name(self) -> str:
        """The suite's name, which its file repeats."""
        return f"{self.stage}.{self.relation}"

    def names(self, relation: str) -> bool:
        """Whether a query of the suite's author reads another relation, written `schema.name`."""
        return any(expectation.names(relation) for expectation in self.expectations)


def load_suite(stage: str, relation: str, *, site: Path | None = None, shipped: Path = SHIPPED) -> Suite:
    """The suite of one relation; without any file it is empty, which is a gate that is always open.

    Raises `SuiteError` for a stage that does not exist and for anything wrong in a file.
    """
    if stage not in STAGES:
        raise SuiteError(f"stage {stage!r} is not one of {', '.join(STAGES)}")
    merged: dict[str, dict[str, Any]] = {}
    partition_by = None
    for folder in _folders(stage, site, shipped):
        for name in (_DEFAULT, relation):
            path = folder / f"{name}.json"
            if path.exists():
                document = _read(path, f"{stage}.{name}")
                partition_by = document.get("partition_by", partition_by)
                _apply_layer(merged, document["expectations"], path)
    suite = Suite(stage, relation, tuple(_expectation(entry) for entry in merged.values()), partition_by)
    if partition_by is None and any(expectation.row_by_row for expectation in suite.expectations):
        raise SuiteError(f"{suite.name}: meta.row_by_row needs 'partition_by', which tells what has changed")
    return suite


def load_suites(stage: str, *, site: Path | None = None, shipped: Path = SHIPPED) -> dict[str, Suite]:
    """The suites of all relations that a file of the stage is named after, by relation."""
    if stage not in STAGES:
        raise SuiteError(f"stage {stage!r} is not one of {', '.join(STAGES)}")
    files = [path for folder in _folders(stage, site, shipped) for path in folder.glob("*.json")]
    relations = sorted({path.stem for path in files} - {_DEFAULT})
    return {relation: load_suite(stage, relation, site=site, shipped=shipped) for relation in relations}


def _folders(stage: str, site: Path | None, shipped: Path) -> list[Path]:
    return [shipped / stage] + ([site / "expectations" / stage] if site else [])


def _apply_layer(merged: dict[str, dict[str, Any]], entries: list[dict[str, Any]], path: Path) -> None:
    """Add the entries of one file to `merged`, or lay them over the entry of the same id."""
    in_this_file: set[str] = set()
    for entry in entries:
        where = f"{path}: expectation {entry.get('id')!r}"
        _check_fields(entry, where)
        if entry["id"] in in_this_file:
            raise SuiteError(f"{where} stands twice in the file")
        in_this_file.add(entry["id"])
        below = merged.get(entry["id"])
        if entry.get("enabled") is False:
            if below is None:
                raise SuiteError(f"{where} is switched off, but no earlier layer has it")
            del merged[entry["id"]]
            continue
        merged[entry["id"]] = laid_over = _laid_over(below, entry)
        _check_complete(laid_over, where)


def _read(path: Path, name: str) -> dict[str, Any]:
    try:
        document = parse_json(read_text(path))
    except RepeatedKeyError as error:
        raise SuiteError(f"{path}: {error}") from error
    except (NotTextError, ValueError) as error:
        raise SuiteError(f"{path}: not a JSON document: {error}") from error
    if not isinstance(document, dict) or set(document) - {"partition_by"} != {"name", "expectations"}:
        raise SuiteError(
            f'{path}: expected exactly {{"name": …, "expectations": […]}}, and "partition_by" if it has one'
        )
    if not isinstance(document.get("partition_by", ""), str):
        raise SuiteError(f"{path}: 'partition_by' must be the name of a column")
    if document["name"] != name:
        raise SuiteError(f"{path}: is named {document['name']!r}, its place says {name!r}")
    entries = document["expectations"]
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise SuiteError(f"{path}: 'expectations' must be a list of objects")
    return document


def _check_fields(entry: Mapping[str, Any], where: str) -> None:
    if not isinstance(entry.get("id"), str) or not _ID.fullmatch(entry["id"]):
        raise SuiteError(f"{where}: 'id' must be a snake_case name")
    if unknown := sorted(set(entry) - _FIELDS):
        known = ", ".join(sorted(_FIELDS))
        raise SuiteError(f"{where}: unknown field {', '.join(unknown)}; known are {known}")
    for field in ("kwargs", "meta"):
        if not isinstance(entry.get(field, {}), dict):
            raise SuiteError(f"{where}: {field!r} must be an object")
    if not isinstance(entry.get("enabled", True), bool):
        raise SuiteError(f"{where}: 'enabled' must be true or false")


def _laid_over(below: Mapping[str, Any] | None, entry: Mapping[str, Any]) -> dict[str, Any]:
    """An override keeps what it does not mention; `kwargs` merge one by one unless the type changes."""
    if below is None:
        return dict(entry)
    laid_over = {**below, **entry}
    if laid_over["type"] == below["type"]:
        laid_over["kwargs"] = {**below["kwargs"], **entry.get("kwargs", {})}
    laid_over["meta"] = {**below["meta"], **entry.get("meta", {})}
    return laid_over


def _check_complete(entry: Mapping[str, Any], where: str) -> None:
    if missing := [field for field in ("type", "kwargs", "severity", "meta") if field not in entry]:
        raise SuiteError(f"{where}: {', '.join(missing)} missing")
    try:
        refuse_unsupported([entry])
    except UnsupportedExpectation as error:
        raise SuiteError(f"{where}: {error}") from error
    if entry["severity"] not in list(Severity):
        raise SuiteError(f"{where}: severity {entry['severity']!r} is not one of {', '.join(Severity)}")
    why = entry["meta"].get("why")
    if not isinstance(why, str) or not why.strip():
        raise SuiteError(f"{where}: meta.why must say in one sentence why it is there")
    share = entry["meta"].get("critical_above_pct")
    if share is not None and not (isinstance(share, int | float) and not isinstance(share, bool) and share >= 0):
        raise SuiteError(f"{where}: meta.critical_above_pct must be a share in per cent")
    if share is not None and entry["severity"] == Severity.CRITICAL:
        raise SuiteError(f"{where}: meta.critical_above_pct on what is critical anyway")
    for name in ("observed", "expected"):
        _check_text(entry["meta"].get(name, ""), f"{where}: meta.{name}")
    row_by_row = entry["meta"].get("row_by_row", False)
    if not isinstance(row_by_row, bool):
        raise SuiteError(f"{where}: meta.row_by_row must be true or false")
    if row_by_row and not may_judge_row_by_row(entry):
        raise SuiteError(f"{where}: meta.row_by_row on what looks at more than the row itself")
    per = entry["meta"].get("per")
    if per is not None and not (isinstance(per, str) and per and "unexpected_rows_query" in entry["kwargs"]):
        raise SuiteError(f"{where}: meta.per must be the column by whose value a query takes rows together")


def _check_text(text: Any, where: str) -> None:
    try:
        list(Formatter().parse(text))
    except (TypeError, ValueError) as error:
        raise SuiteError(f"{where} must be a text with columns in braces: {error}") from None


def _expectation(entry: Mapping[str, Any]) -> Expectation:
    return Expectation(
        id=entry["id"],
        type=entry["type"],
        kwargs=entry["kwargs"],
        severity=Severity(entry["severity"]),
        why=entry["meta"]["why"],
        critical_above_pct=entry["meta"].get("critical_above_pct"),
        row_by_row=entry["meta"].get("row_by_row", False),
        per=entry["meta"].get("per"),
        observed=entry["meta"].get("observed"),
        expected=entry["meta"].get("expected"),
    )
