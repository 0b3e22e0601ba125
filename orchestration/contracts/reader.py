"""An ODCS v3 contract, read into a `Feed`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import yaml
from open_data_contract_standard.model import OpenDataContractStandard, SchemaObject
from pydantic import ValidationError

from orchestration.base.files import NotTextError, read_text
from orchestration.base.settings import PACKAGE, Settings
from orchestration.base.sql import first_line
from orchestration.contracts.checks import check_columns, check_keys, read_rules
from orchestration.contracts.columns import NAME, read_column
from orchestration.contracts.document import Document
from orchestration.contracts.mistakes import ContractError, Mistakes
from orchestration.contracts.model import NAMED_AS_THE_ONLY_ONE, NEGATIVE, Column, Feed, NumberSpelling
from orchestration.contracts.moment_formats import ISO
from orchestration.contracts.properties import Properties

SHIPPED = PACKAGE / "contracts"
_DUE_HOURS = 9.0
_EVENT_TIME_DAYS = 31
_SUFFIX = re.compile(r"(\.[A-Za-z0-9_-]+)+")
_PROPERTIES = {
    "encoding", "delimiter", "quote", "dateFormat", "timestampFormat", "decimalSeparator", "thousandsSeparator",
    "grouping", "currencySigns", "negative", "midnightAs24", "nullValues", "escape", "skipLines", "trailer", "suffixes",
    "ignored", "delivery", "latenessDays", "tolerancePct", "eventTime", "eventTimeDays", "reconciledAmount", "header",
}  # fmt: skip


def load_feeds(settings: Settings) -> dict[str, Feed]:
    """The site's feeds by name: the shipped contracts, replaced or joined by the site's."""
    absent = settings.site_profile.absent
    paths = sorted(contract_paths(settings).items())
    return {name: replace(load_feed(path), is_absent=name in absent) for name, path in paths}


def contract_paths(settings: Settings) -> dict[str, Path]:
    """Where the contract of each of the site's feeds stands."""
    return settings.overlay("contracts", SHIPPED, "*.yaml")


def load_feed(path: Path) -> Feed:
    """Read one contract.

    Raises:
        ContractError: with every mistake that can be found, naming the file, the line and the place in it.
    """
    try:
        text = read_text(path)
        document = Document(text)
    except NotTextError as error:
        raise ContractError(path, [str(error)]) from error
    except yaml.YAMLError as error:
        raise ContractError(path, [_said_of_yaml(error, text)]) from error
    mistakes = Mistakes(document)
    try:
        contract = OpenDataContractStandard.model_validate(document.content)
    except ValidationError as error:
        for problem in error.errors():
            mistakes.note(".".join(map(str, problem["loc"])) or "the file", problem["msg"])
        raise ContractError(path, mistakes.found) from error
    check_keys(document.content, mistakes)
    feed = _feed(contract, path.stem, hashlib.sha256(text.encode()).hexdigest(), mistakes)
    if mistakes.found:
        raise ContractError(path, mistakes.found)
    shipped = SHIPPED / path.name
    return feed if path == shipped or not shipped.exists() else _with_optional(feed, load_feed(shipped))


def _with_optional(feed: Feed, shipped: Feed) -> Feed:
    """The feed with columns of the shipped contract that models read and can do without: no file has them."""
    given = {column.raw_name for column in feed.columns}
    left_out = [
        replace(column, headers=(), values={}, constant=None)
        for column in shipped.columns
        if not column.required and column.raw_name not in given
    ]
    return replace(feed, columns=(*feed.columns, *left_out))


def _said_of_yaml(error: yaml.YAMLError, text: str) -> str:
    mark = getattr(error, "problem_mark", None)
    line = min(mark.line, text.rstrip().count("\n")) + 1 if mark else 1
    said = getattr(error, "problem", None) or first_line(error)
    return f"line {line}: not YAML: {said}"


def _feed(contract: OpenDataContractStandard, stem: str, fingerprint: str, mistakes: Mistakes) -> Feed:
    """The feed, of which nothing may be used if there are mistakes."""
    schema = _schema(contract, stem, mistakes)
    custom = Properties(contract.customProperties, _PROPERTIES, mistakes, "customProperties", "customProperties")
    dates = custom.formats("dateFormat", "%Y-%m-%d")
    instants = custom.formats("timestampFormat", "%Y-%m-%d %H:%M:%S", ISO, has_words=True)
    marks = custom.quoted("nullValues")
    columns = _told_apart([read_column(prop, mistakes, marks, (*dates, *instants)) for prop in schema.properties or []])
    has_header = custom.choice("header", True, False)
    check_columns(columns, mistakes, has_header=has_header)
    description = contract.description.purpose if contract.description else None
    return Feed(
        name=stem,
        source_system=contract.domain or "unknown",
        description=description or stem,
        grain=schema.dataGranularityDescription or "",
        owner=getattr(contract.team, "name", None) or "data-engineering",
        columns=columns,
        rules=read_rules(schema, columns, mistakes),
        encoding=custom.encoding("encoding"),
        delimiter=custom.delimiter("delimiter", ",", unlike=("quote", '"')),
        quote=custom.sign("quote", '"', may_be_empty=True),
        escape=_escape(custom),
        has_header=has_header,
        skip_lines=custom.whole("skipLines", 0),
        trailer=_trailer(custom),
        suffixes=_suffixes(custom),
        date_formats=dates,
        timestamp_formats=instants,
        is_midnight_24=custom.flag("midnightAs24"),
        numbers=_numbers(custom),
        ignored=custom.texts("ignored"),
        delivery=custom.choice("delivery", "append", "full"),
        frequency_days=_frequency(contract, mistakes),
        due_hours=_due_hours(contract, mistakes),
        lateness_days=custom.whole("latenessDays", 1),
        tolerance_pct=custom.number("tolerancePct", 5),
        event_time=_event_time(custom, columns),
        event_time_days=custom.whole("eventTimeDays", _EVENT_TIME_DAYS),
        amount=_amount(custom, columns),
        fingerprint=fingerprint,
    )


def _told_apart(columns: Sequence[Column]) -> tuple[Column, ...]:
    """The columns, of which several numbers or lines have names of their own in raw."""
    kinds = [column.pseudonym for column in columns]
    return tuple(
        replace(column, is_only_one=False)
        if kinds.count(column.pseudonym) > 1
        and column.name != NAMED_AS_THE_ONLY_ONE.get(str(column.pseudonym), column.name)
        else column
        for column in columns
    )


def _schema(contract: OpenDataContractStandard, stem: str, mistakes: Mistakes) -> SchemaObject:
    schemas = contract.schema_ or []
    if len(schemas) != 1:
        mistakes.note("schema", f"a feed has exactly one, not {len(schemas)}")
    schema = schemas[0] if schemas else SchemaObject()
    if schema.name != stem or not NAME.fullmatch(stem):
        what = f"{schema.name!r} is not the file's name {stem!r}, in small letters, digits and _"
        mistakes.note("schema.0.name", what)
    return schema


def _sign(custom: Properties, name: str, default: str, *, unlike: tuple[str, str]) -> str:
    """One sign, which must not be that of another property, given with its default."""
    sign = custom.sign(name, default)
    if sign == str(custom.get(*unlike)):
        custom.wrong(name, f"{sign!r} is the {unlike[0]} too")
    return sign


def _numbers(custom: Properties) -> NumberSpelling:
    return NumberSpelling(
        decimal=_sign(custom, "decimalSeparator", ".", unlike=("thousandsSeparator", "")),
        thousands=custom.sign("thousandsSeparator", "", may_be_empty=True),
        groups=custom.sizes("grouping", (3,)),
        currency_signs=custom.texts("currencySigns"),
        negative=custom.words("negative", NEGATIVE),
    )


def _escape(custom: Properties) -> str:
    """The sign that makes the next one plain; a quote that is doubled needs none."""
    escape = custom.sign("escape", "", may_be_empty=True)
    if escape and escape == str(custom.get("delimiter", ",")):
        custom.wrong("escape", f"{escape!r} is the delimiter too")
    return "" if escape == str(custom.get("quote", '"')) else escape


def _trailer(custom: Properties) -> tuple[str, ...]:
    """The lines at a file's end that are not rows, as patterns; the count of rows stands in one of them at most."""
    lines = custom.texts("trailer")
    if not all(line.strip(" *") for line in lines):
        custom.wrong("trailer", "what each line begins with")
    if sum(line.count("{rows}") for line in lines) > 1:
        custom.wrong("trailer", "{rows} can stand in one place only")
    return lines


def _suffixes(custom: Properties) -> tuple[str, ...]:
    """Endings of data's names, beyond the usual ones, in small letters; names are compared without regard to case."""
    suffixes = custom.texts("suffixes")
    if wrong := [suffix for suffix in suffixes if not _SUFFIX.fullmatch(suffix)]:
        custom.wrong("suffixes", f"{wrong[0]!r} is not the end of a name, such as .txt or .txt.gz")
    return tuple(suffix.casefold() for suffix in suffixes)


def _frequency(contract: OpenDataContractStandard, mistakes: Mistakes) -> int:
    """Days between deliveries: one, unless the contract's service level says otherwise."""
    for entry in contract.slaProperties or []:
        if entry.property == "frequency":
            days = {"d": 1, "w": 7, "m": 31}.get(str(entry.unit))
            if days is None or not re.fullmatch("[1-9][0-9]*", str(entry.value)):
                mistakes.note("slaProperties.frequency", f"{entry.value!r} {entry.unit!r}: a whole number of d, w or m")
                return 1
            return int(str(entry.value)) * days
    return 1


def _due_hours(contract: OpenDataContractStandard, mistakes: Mistakes) -> float:
    """Hours after the end of its day by which a delivery is expected: nine, unless the service level says more."""
    for entry in contract.slaProperties or []:
        if entry.property == "latency":
            hours = {"h": 1, "d": 24}.get(str(entry.unit))
            if hours is None or isinstance(entry.value, bool) or not isinstance(entry.value, int | float):
                mistakes.note("slaProperties.latency", f"{entry.value!r} {entry.unit!r}: a number of h or d")
                return _DUE_HOURS
            return float(entry.value * hours)
    return _DUE_HOURS


def _event_time(custom: Properties, columns: tuple[Column, ...]) -> str | None:
    name: str | None = custom.get("eventTime")
    if name is not None and name not in {c.name for c in columns if c.type in ("DATE", "TIMESTAMPTZ")}:
        custom.wrong("eventTime", f"there is no date or timestamp {name!r}")
    return name


def _amount(custom: Properties, columns: tuple[Column, ...]) -> str | None:
    name: str | None = custom.get("reconciledAmount")
    if name is not None and name not in {c.name for c in columns if c.is_integer and not c.pseudonym}:
        custom.wrong("reconciledAmount", f"there is no whole number {name!r}")
    return name
