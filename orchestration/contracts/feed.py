"""An ODCS v3 contract, read into what ingest needs to know of a feed."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import duckdb
import yaml
from open_data_contract_standard.model import (
    OpenDataContractStandard,
    SchemaObject,
    SchemaProperty,
)
from pydantic import BaseModel, ValidationError

from orchestration.refusal import Refusal
from orchestration.settings import PACKAGE, Settings
from orchestration.sql import first_line

Pseudonym = Literal["number", "line", "person", "age_band"]

#: DuckDB type of each ODCS logical type; `physicalType` overrides it.
_TYPES = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "number": "DECIMAL(18,4)",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMPTZ",
}
_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_NUMBERS = (*_INTEGERS, "DECIMAL", "DOUBLE")
_PHYSICAL = re.compile(rf"{'|'.join(_INTEGERS)}|DOUBLE|DECIMAL\([0-9]+,[0-9]+\)|VARCHAR|BOOLEAN|DATE|TIMESTAMPTZ")
_MOST_MINOR_UNITS = 4
_DUE_HOURS = 9.0
_YAML: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_RESERVED = ("dt", "rev")  # what raw adds to each row
_OPTIONS = ("pattern", "minimum", "maximum")
#: What a personal column becomes: suffix or name, and type, of the column that replaces it.
_PSEUDONYMS: dict[str, tuple[str, str]] = {
    "number": ("number_key", "UUID"),
    "line": ("line_key", "UUID"),
    "person": ("{}_key", "UUID"),
    "age_band": ("age_band", "VARCHAR"),
}
_FEED_PROPERTIES = {
    "encoding", "delimiter", "quote", "dateFormat", "timestampFormat", "decimalSeparator", "thousandsSeparator",
    "delivery", "latenessDays", "tolerancePct", "eventTime", "reconciledAmount",
}  # fmt: skip
_COLUMN_PROPERTIES = {"sourceHeader", "values", "pseudonym", "minorUnits"}


class ContractError(Refusal):
    """A contract that cannot be used; `problems` names each mistake, with the file and the place in it."""

    def __init__(self, path: Path, problems: list[str]) -> None:
        self.problems = [f"{path}: {problem}" for problem in problems]
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True)
class Column:
    """One column of a feed: as it arrives, and as raw keeps it."""

    name: str
    type: str
    required: bool
    description: str
    headers: tuple[str, ...]
    values: dict[str, str] = field(default_factory=dict)
    domain: tuple[str, ...] = ()
    pattern: str | None = None
    minimum: int | float | None = None
    maximum: int | float | None = None
    pseudonym: Pseudonym | None = None
    minor_units: int = 0
    key_position: int | None = None

    @property
    def raw_name(self) -> str:
        """Name under which raw keeps it: a personal column is replaced by its pseudonym."""
        return _PSEUDONYMS[self.pseudonym][0].format(self.name) if self.pseudonym else self.name

    @property
    def pseudonym_kind(self) -> str | None:
        """What its pseudonym is made of, beside the value; None where there is no way back to one value."""
        if self.pseudonym in (None, "age_band"):
            return None
        return {"number": "msisdn", "line": "line"}.get(str(self.pseudonym), self.name)

    @property
    def raw_type(self) -> str:
        """DuckDB type in raw."""
        return _PSEUDONYMS[self.pseudonym][1] if self.pseudonym else self.type

    @property
    def stored_type(self) -> str:
        """Type in raw's Parquet files: 16 plain bytes where raw has a UUID, since other engines refuse that."""
        return "BLOB" if self.raw_type == "UUID" else self.raw_type

    @property
    def judged_type(self) -> str:
        """Type while ingest judges the rows: an identity in clear, in memory, until its pseudonym is written."""
        return "VARCHAR" if self.pseudonym_kind else self.stored_type

    @property
    def base_type(self) -> str:
        """Its type without a precision."""
        return self.type.split("(")[0]

    @property
    def is_integer(self) -> bool:
        """Whether values are whole numbers."""
        return self.base_type in _INTEGERS

    @property
    def is_number(self) -> bool:
        """Whether values are amounts or counts."""
        return self.base_type in _NUMBERS


@dataclass(frozen=True)
class RowRule:
    """A condition over the typed columns of one row; a row that breaks it is quarantined under `name`."""

    name: str
    condition: str
    description: str


@dataclass(frozen=True)
class Feed:
    """One kind of extract. `fingerprint` changes when the contract's text does.

    A delivery is expected `due_hours` after the end of its day, and late if it is missing `lateness_days` later.
    `amount` is the column whose sums are followed to the facts, beside the rows.
    """

    name: str
    source_system: str
    description: str
    grain: str
    owner: str
    columns: tuple[Column, ...]
    rules: tuple[RowRule, ...]
    encoding: str
    delimiter: str
    quote: str
    date_formats: tuple[str, ...]
    timestamp_formats: tuple[str, ...]
    decimal_separator: str
    thousands_separator: str
    delivery: Literal["append", "full"]
    frequency_days: int
    due_hours: float
    lateness_days: int
    tolerance_pct: float
    event_time: str | None
    amount: str | None
    fingerprint: str

    @property
    def key(self) -> tuple[Column, ...]:
        """Columns of the primary key, in order."""
        keyed = [column for column in self.columns if column.key_position is not None]
        return tuple(sorted(keyed, key=lambda column: column.key_position or 0))


def load_feeds(settings: Settings) -> dict[str, Feed]:
    """The site's feeds by name: the default contracts, replaced or joined by the site folder's."""
    return {name: load_feed(path) for name, path in sorted(contract_paths(settings).items())}


def contract_paths(settings: Settings) -> dict[str, Path]:
    """Where the contract of each of the site's feeds stands."""
    return settings.overlay("contracts", PACKAGE / "contracts", "*.yaml")


def load_feed(path: Path) -> Feed:
    """Read one contract.

    Raises:
        ContractError: with every mistake that can be found, naming the file and the place in it.
    """
    text = path.read_text("utf-8")
    try:
        content = yaml.load(text, Loader=_YAML)
        contract = OpenDataContractStandard.model_validate(content)
    except yaml.YAMLError as error:
        raise ContractError(path, [f"not YAML: {error}"]) from error
    except ValidationError as error:
        raise ContractError(
            path, [f"{_place(problem['loc'])}: {problem['msg']}" for problem in error.errors()]
        ) from error
    reader = _Reader(contract)
    reader.check_keys(content)
    feed = reader.feed(path.stem, hashlib.sha256(text.encode()).hexdigest())
    if reader.problems:
        raise ContractError(path, reader.problems)
    return feed


def _place(parts: Iterable[str | int]) -> str:
    return ".".join(str(part) for part in parts) or "the file"


class _Reader:
    """Reads a contract and gathers what is wrong with it; a mistake never hides the next one."""

    def __init__(self, contract: OpenDataContractStandard) -> None:
        self.contract = contract
        self.problems: list[str] = []
        self._con = duckdb.connect()  # on which formats, patterns and rules are tried

    def feed(self, stem: str, fingerprint: str) -> Feed:
        """The feed, of which nothing may be used if there are `problems`."""
        contract = self.contract
        schemas = contract.schema_ or []
        if len(schemas) != 1:
            self._wrong("schema", f"a feed has exactly one, not {len(schemas)}")
        schema = schemas[0] if schemas else SchemaObject()
        if schema.name != stem or not _NAME.fullmatch(stem):
            self._wrong(
                "schema.0.name", f"{schema.name!r} is not the file's name {stem!r}, in small letters, digits and _"
            )
        custom = self._custom(contract.customProperties, _FEED_PROPERTIES, "customProperties")
        columns = tuple(self._column(prop) for prop in schema.properties or [])
        self._check_columns(columns)
        rules = self._rules(schema, columns)
        delivery = custom.get("delivery", "append")
        if delivery not in ("append", "full"):
            self._wrong("customProperties.delivery", f"{delivery!r} is neither 'append' nor 'full'")
        description = contract.description.purpose if contract.description else None
        return Feed(
            name=stem,
            source_system=contract.domain or "unknown",
            description=description or stem,
            grain=schema.dataGranularityDescription or "",
            owner=getattr(contract.team, "name", None) or "data-engineering",
            columns=columns,
            rules=rules,
            encoding=self._encoding(custom),
            delimiter=self._sign(custom, "delimiter", ","),
            quote=self._sign(custom, "quote", '"', may_be_empty=True),
            date_formats=self._formats(custom, "dateFormat", "%Y-%m-%d"),
            timestamp_formats=self._formats(custom, "timestampFormat", "%Y-%m-%d %H:%M:%S"),
            decimal_separator=self._sign(custom, "decimalSeparator", "."),
            thousands_separator=self._sign(custom, "thousandsSeparator", "", may_be_empty=True),
            delivery=delivery,
            frequency_days=self._frequency(),
            due_hours=self._due_hours(),
            lateness_days=int(self._number(custom, "latenessDays", 1)),
            tolerance_pct=self._number(custom, "tolerancePct", 5),
            event_time=self._event_time(custom, columns),
            amount=self._amount(custom, columns),
            fingerprint=fingerprint,
        )

    def check_keys(self, text: dict[str, Any]) -> None:
        """The standard's own model passes over a key that it does not know, such as a misspelt `required`."""
        for schema in text.get("schema") or []:
            self._check_keys(schema, SchemaObject, f"schema.{schema.get('name')}")
            for prop in schema.get("properties") or []:
                self._check_keys(prop, SchemaProperty, f"schema.0.properties.{prop.get('name')}")

    def _check_keys(self, found: dict[str, Any], model: type[BaseModel], place: str) -> None:
        known = {field.alias or name for name, field in model.model_fields.items()}
        for name in sorted(found.keys() - known):
            guess = difflib.get_close_matches(name, known, n=1)
            self._wrong(
                place, f"{name!r} is no key of the standard" + (f"; did you mean {guess[0]!r}?" if guess else "")
            )

    def _wrong(self, place: str, what: str) -> None:
        self.problems.append(f"{place}: {what}")

    def _custom(self, properties: list[Any] | None, known: set[str], place: str) -> dict[str, Any]:
        found = {str(entry.property): entry.value for entry in properties or []}
        for name in sorted(found.keys() - known):
            guess = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {guess[0]!r}?" if guess else f"; known are {', '.join(sorted(known))}"
            self._wrong(place, f"{name!r} is unknown{hint}")
        return found

    # ------------------------------------------------------------------ the feed
    def _encoding(self, custom: dict[str, Any]) -> str:
        name = str(custom.get("encoding", "utf-8"))
        try:
            "".encode(name)
        except LookupError:
            self._wrong("customProperties.encoding", f"Python knows no {name!r}")
        return name.lower()

    def _sign(self, custom: dict[str, Any], name: str, default: str, *, may_be_empty: bool = False) -> str:
        sign = str(custom.get(name, default))
        is_one = len(sign) == 1 and sign.isascii() and not sign.isalnum() and sign not in "\r\n"
        if not (is_one or (may_be_empty and not sign)):
            self._wrong(f"customProperties.{name}", f"{sign!r} is not one ASCII sign" + " or nothing" * may_be_empty)
        others = {"delimiter": ("quote", '"'), "decimalSeparator": ("thousandsSeparator", "")}
        if name in others and sign == str(custom.get(*others[name])):
            self._wrong(f"customProperties.{name}", f"{sign!r} is the {others[name][0]} too")
        return sign

    def _formats(self, custom: dict[str, Any], name: str, default: str) -> tuple[str, ...]:
        formats = _tuple(custom.get(name, default))
        if not formats:
            self._wrong(f"customProperties.{name}", "empty")
        for form in formats:
            try:
                self._con.execute("select try_strptime('', $1)", [form])
            except duckdb.Error as error:
                self._wrong(f"customProperties.{name}", f"{form!r}: {first_line(error)}")
        return formats

    def _number(self, custom: dict[str, Any], name: str, default: float) -> float:
        value = custom.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            self._wrong(f"customProperties.{name}", f"{value!r} is no number of 0 or more")
            return default
        return float(value)

    def _frequency(self) -> int:
        """Days between deliveries: one, unless the contract's service level says otherwise."""
        for entry in self.contract.slaProperties or []:
            if entry.property == "frequency":
                days = {"d": 1, "w": 7, "m": 31}.get(str(entry.unit))
                if days is None or not str(entry.value).isdigit():
                    self._wrong("slaProperties.frequency", f"{entry.value!r} {entry.unit!r}: a number of d, w or m")
                    return 1
                return int(str(entry.value)) * days
        return 1

    def _due_hours(self) -> float:
        """Hours after the end of its day by which a delivery is expected: nine, unless the service level says more."""
        for entry in self.contract.slaProperties or []:
            if entry.property == "latency":
                hours = {"h": 1, "d": 24}.get(str(entry.unit))
                if hours is None or isinstance(entry.value, bool) or not isinstance(entry.value, int | float):
                    self._wrong("slaProperties.latency", f"{entry.value!r} {entry.unit!r}: a number of h or d")
                    return _DUE_HOURS
                return float(entry.value * hours)
        return _DUE_HOURS

    def _event_time(self, custom: dict[str, Any], columns: tuple[Column, ...]) -> str | None:
        name = custom.get("eventTime")
        if name is not None and name not in {c.name for c in columns if c.type in ("DATE", "TIMESTAMPTZ")}:
            self._wrong("customProperties.eventTime", f"there is no date or timestamp {name!r}")
        return name

    def _amount(self, custom: dict[str, Any], columns: tuple[Column, ...]) -> str | None:
        name = custom.get("reconciledAmount")
        if name is not None and name not in {c.name for c in columns if c.is_integer and not c.pseudonym}:
            self._wrong("customProperties.reconciledAmount", f"there is no whole number {name!r}")
        return name

    # ------------------------------------------------------------------ its columns
    def _column(self, prop: SchemaProperty) -> Column:
        name = str(prop.name)
        place = f"schema.0.properties.{name}"
        if not _NAME.fullmatch(name) or name in _RESERVED:
            self._wrong(place, f"a name is small letters, digits and _, and none of {', '.join(_RESERVED)}")
        custom = self._custom(prop.customProperties, _COLUMN_PROPERTIES, place)
        type_ = self._type(prop, place)
        options = prop.logicalTypeOptions or {}
        for option in sorted(set(options) - set(_OPTIONS)):
            self._wrong(f"{place}.logicalTypeOptions", f"{option!r} is not checked; known are {', '.join(_OPTIONS)}")
        column = Column(
            name=name,
            type=type_,
            # a column is required unless the contract says otherwise
            required=prop.required is not False,
            description=prop.description or "",
            headers=tuple(dict.fromkeys((*_tuple(custom.get("sourceHeader", ())), name))),
            values=self._values(custom, place),
            domain=tuple(str(entry.value) for entry in prop.enum or []),
            pattern=options.get("pattern"),
            minimum=options.get("minimum"),
            maximum=options.get("maximum"),
            pseudonym=self._pseudonym(prop, custom, place),
            minor_units=self._minor_units(custom, type_, place),
            key_position=(prop.primaryKeyPosition or 1) if prop.primaryKey else None,
        )
        self._check_domain(column, place)
        self._check_limits(column, place)
        return column

    def _type(self, prop: SchemaProperty, place: str) -> str:
        logical = prop.logicalType or "string"
        if logical not in _TYPES:
            self._wrong(f"{place}.logicalType", f"{logical!r} is none of {', '.join(_TYPES)}")
        type_ = (prop.physicalType or _TYPES.get(logical, "VARCHAR")).upper().replace(" ", "")
        if not _PHYSICAL.fullmatch(type_):
            self._wrong(
                f"{place}.physicalType", f"{prop.physicalType!r} is no type of raw ({', '.join(_TYPES.values())} …)"
            )
            return "VARCHAR"
        return type_

    def _pseudonym(self, prop: SchemaProperty, custom: dict[str, Any], place: str) -> Pseudonym | None:
        is_personal = prop.classification == "pii"
        pseudonym: Pseudonym | None = custom.get("pseudonym", "person" if is_personal else None)
        if pseudonym is not None and (pseudonym not in _PSEUDONYMS or not is_personal):
            self._wrong(f"{place}.pseudonym", f"one of {', '.join(_PSEUDONYMS)}, and with classification: pii")
            return None
        return pseudonym

    def _minor_units(self, custom: dict[str, Any], type_: str, place: str) -> int:
        units = custom.get("minorUnits", 0)
        if not isinstance(units, int) or not 0 <= units <= _MOST_MINOR_UNITS or (units and type_ not in _INTEGERS):
            what = f"{units!r} is not the decimals that an integer amount is delivered with, such as 2 for cents"
            self._wrong(f"{place}.minorUnits", what)
            return 0
        return units

    def _values(self, custom: dict[str, Any], place: str) -> dict[str, str]:
        values = custom.get("values", {})
        if not isinstance(values, dict):
            self._wrong(f"{place}.values", "a mapping of the source's values to ours")
            return {}
        if misread := [source for source in values if not isinstance(source, str)]:
            self._wrong(f"{place}.values", f"{misread[0]!r}: YAML reads this as no text; put it in quotes")
        return {str(source): _spelled(ours) for source, ours in values.items()}

    def _check_domain(self, column: Column, place: str) -> None:
        domain = ("true", "false") if column.type == "BOOLEAN" else column.domain
        for source, ours in column.values.items():
            if domain and ours not in domain:
                self._wrong(f"{place}.values", f"{source!r} becomes {ours!r}, which is none of {', '.join(domain)}")

    def _check_limits(self, column: Column, place: str) -> None:
        limits = [limit for limit in (column.minimum, column.maximum) if limit is not None]
        if any(isinstance(limit, bool) or not isinstance(limit, int | float) for limit in limits):
            self._wrong(f"{place}.logicalTypeOptions", "minimum and maximum are numbers")
        elif limits and not column.is_number:
            self._wrong(f"{place}.logicalTypeOptions", "minimum and maximum are for numbers")
        elif limits != sorted(limits):
            self._wrong(f"{place}.logicalTypeOptions", "the minimum is above the maximum")
        if column.pattern is not None:
            try:
                self._con.execute("select regexp_full_match('', $1)", [column.pattern])
            except duckdb.Error as error:
                self._wrong(f"{place}.logicalTypeOptions.pattern", first_line(error))

    def _check_columns(self, columns: tuple[Column, ...]) -> None:
        if not columns:
            self._wrong("schema.0.properties", "empty")
        raw_names = [column.raw_name for column in columns]
        for name in sorted({name for name in raw_names if raw_names.count(name) > 1}):
            self._wrong("schema.0.properties", f"raw would hold two columns {name!r}")
        positions = [column.key_position for column in columns if column.key_position]
        if not positions:
            self._wrong("schema.0.properties", "no primaryKey")
        elif len(positions) != len(set(positions)):
            self._wrong("schema.0.properties", "two columns have the same primaryKeyPosition")

    def _rules(self, schema: SchemaObject, columns: tuple[Column, ...]) -> tuple[RowRule, ...]:
        """Row rules, each tried on a row of nulls: a mistake in one is the contract's, not a delivery's."""
        found: list[RowRule] = []
        row = ", ".join(f'cast(null as {column.judged_type}) as "{column.raw_name}"' for column in columns)
        for number, rule in enumerate(schema.quality or []):
            place = f"schema.0.quality.{number}"
            if not rule.name or not rule.implementation or rule.name in {known.name for known in found}:
                self._wrong(place, "a row rule has a name of its own and an implementation, a condition in SQL")
                continue
            try:
                self._con.execute(f"select ({rule.implementation}) is false from (select {row})")
            except duckdb.Error as error:
                self._wrong(f"{place} ({rule.name})", first_line(error))
            found.append(RowRule(rule.name, str(rule.implementation), rule.description or ""))
        return tuple(found)


def _spelled(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _tuple(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(str(item) for item in value)
