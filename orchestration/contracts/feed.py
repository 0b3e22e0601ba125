"""An ODCS v3 contract, read into what ingest needs to know of a feed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml
from open_data_contract_standard.model import (
    OpenDataContractStandard,
    SchemaProperty,
    ServiceLevelAgreementProperty,
)
from pydantic import ValidationError

from orchestration.settings import PACKAGE, Settings

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
#: What a personal column becomes: suffix or name, and type, of the column that replaces it.
_PSEUDONYMS: dict[str, tuple[str, str]] = {
    "number": ("number_key", "UUID"),
    "line": ("line_key", "UUID"),
    "person": ("{}_key", "UUID"),
    "age_band": ("age_band", "VARCHAR"),
}
_FEED_PROPERTIES = {
    "encoding", "delimiter", "quote", "dateFormat", "timestampFormat", "decimalSeparator", "thousandsSeparator",
    "delivery", "latenessDays", "tolerancePct", "eventTime",
}  # fmt: skip
_COLUMN_PROPERTIES = {"sourceHeader", "values", "pseudonym"}


class ContractError(ValueError):
    """A contract that cannot be used; the message names the file, the place in it and the mistake."""


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


@dataclass(frozen=True)
class RowRule:
    """A condition over the typed columns of one row; a row that breaks it is quarantined under `name`."""

    name: str
    condition: str
    description: str


@dataclass(frozen=True)
class Feed:
    """One kind of extract. `fingerprint` changes when the contract's text does."""

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
    lateness_days: int
    tolerance_pct: float
    event_time: str | None
    fingerprint: str

    @property
    def key(self) -> tuple[Column, ...]:
        """Columns of the primary key, in order."""
        keyed = [column for column in self.columns if column.key_position is not None]
        return tuple(sorted(keyed, key=lambda column: column.key_position or 0))


def load_feeds(settings: Settings) -> dict[str, Feed]:
    """The site's feeds by name: the default contracts, replaced or joined by the site folder's."""
    paths = settings.overlay("contracts", PACKAGE / "contracts", "*.yaml")
    return {name: load_feed(path) for name, path in sorted(paths.items())}


def load_feed(path: Path) -> Feed:
    """Read one contract.

    Raises:
        ContractError: naming the file, the place in it and the mistake.
    """
    text = path.read_text("utf-8")
    try:
        contract = OpenDataContractStandard.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise ContractError(f"{path}: not YAML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ContractError(f"{path}: {place}: {first['msg']}") from error
    try:
        return _feed(contract, path.stem, hashlib.sha256(text.encode()).hexdigest())
    except (ValueError, KeyError, TypeError) as error:
        raise ContractError(f"{path}: {error}") from error


def _feed(contract: OpenDataContractStandard, stem: str, fingerprint: str) -> Feed:
    if not contract.schema_ or len(contract.schema_) != 1:
        raise ValueError("schema: a feed has exactly one")
    schema = contract.schema_[0]
    if schema.name != stem:
        raise ValueError(f"schema.0.name: {schema.name!r} differs from the file's name {stem!r}")
    custom = _custom(contract.customProperties, _FEED_PROPERTIES, "customProperties")
    columns = tuple(_column(prop) for prop in schema.properties or [])
    _check_columns(columns, custom.get("eventTime"))
    delivery = custom.get("delivery", "append")
    if delivery not in ("append", "full"):
        raise ValueError(f"customProperties.delivery: {delivery!r} is neither 'append' nor 'full'")
    description = contract.description.purpose if contract.description else None
    return Feed(
        name=stem,
        source_system=contract.domain or "unknown",
        description=description or stem,
        grain=schema.dataGranularityDescription or "",
        owner=getattr(contract.team, "name", None) or "data-engineering",
        columns=columns,
        rules=tuple(
            RowRule(str(rule.name), str(rule.implementation), rule.description or "") for rule in schema.quality or []
        ),
        encoding=_encoding(custom.get("encoding", "utf-8")),
        delimiter=custom.get("delimiter", ","),
        quote=custom.get("quote", '"'),
        date_formats=_tuple(custom.get("dateFormat", "%Y-%m-%d")),
        timestamp_formats=_tuple(custom.get("timestampFormat", "%Y-%m-%d %H:%M:%S")),
        decimal_separator=custom.get("decimalSeparator", "."),
        thousands_separator=custom.get("thousandsSeparator", ""),
        delivery=delivery,
        frequency_days=_frequency(contract.slaProperties),
        lateness_days=int(custom.get("latenessDays", 1)),
        tolerance_pct=float(custom.get("tolerancePct", 5)),
        event_time=custom.get("eventTime"),
        fingerprint=fingerprint,
    )


def _frequency(properties: list[ServiceLevelAgreementProperty] | None) -> int:
    """Days between deliveries: one, unless the contract's service level says otherwise."""
    for entry in properties or []:
        if entry.property == "frequency":
            return int(entry.value or 1) * {"d": 1, "w": 7, "m": 31}[str(entry.unit)]
    return 1


def _column(prop: SchemaProperty) -> Column:
    place = f"schema.0.properties.{prop.name}"
    custom = _custom(prop.customProperties, _COLUMN_PROPERTIES, place)
    type_ = prop.physicalType or _TYPES.get(prop.logicalType or "string")
    if type_ is None:
        raise ValueError(f"{place}.logicalType: {prop.logicalType!r} is none of {', '.join(_TYPES)}")
    is_personal = prop.classification == "pii"
    pseudonym = custom.get("pseudonym", "person" if is_personal else None)
    if pseudonym is not None and (pseudonym not in _PSEUDONYMS or not is_personal):
        raise ValueError(f"{place}.pseudonym: one of {', '.join(_PSEUDONYMS)}, with classification: pii")
    options = prop.logicalTypeOptions or {}
    name = str(prop.name)
    return Column(
        name=name,
        type=type_.upper(),
        # a column is required unless the contract says otherwise
        required=prop.required is not False,
        description=prop.description or "",
        headers=tuple(dict.fromkeys((*_tuple(custom.get("sourceHeader", ())), name))),
        values={str(source): str(ours) for source, ours in custom.get("values", {}).items()},
        domain=tuple(str(entry.value) for entry in prop.enum or []),
        pattern=options.get("pattern"),
        minimum=options.get("minimum"),
        maximum=options.get("maximum"),
        pseudonym=pseudonym,
        key_position=(prop.primaryKeyPosition or 1) if prop.primaryKey else None,
    )


def _check_columns(columns: tuple[Column, ...], event_time: str | None) -> None:
    if not columns:
        raise ValueError("schema.0.properties: empty")
    raw_names = [column.raw_name for column in columns]
    for name in raw_names:
        if raw_names.count(name) > 1:
            raise ValueError(f"schema.0.properties: raw would hold two columns {name!r}")
    if event_time and event_time not in {column.name for column in columns}:
        raise ValueError(f"customProperties.eventTime: there is no column {event_time!r}")
    if not any(column.key_position for column in columns):
        raise ValueError("schema.0.properties: no primaryKey")


def _custom(properties: list[Any] | None, known: set[str], place: str) -> dict[str, Any]:
    found = {str(entry.property): entry.value for entry in properties or []}
    if unknown := sorted(found.keys() - known):
        raise ValueError(f"{place}: {unknown[0]!r} is none of {', '.join(sorted(known))}")
    return found


def _tuple(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(str(item) for item in value)


def _encoding(name: str) -> str:
    try:
        "".encode(name)
    except LookupError:
        raise ValueError(f"customProperties.encoding: Python knows no {name!r}") from None
    return name.lower()
