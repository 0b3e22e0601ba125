"""What ingest needs to know of a feed: its columns, its row rules, how its files are written."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Literal

Pseudonym = Literal["number", "line", "person", "age_band"]

INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_NUMBERS = (*INTEGERS, "DECIMAL", "DOUBLE")
#: Ways to write a negative amount, beside a leading minus: `1234-` and `(1234)`.
NEGATIVE = ("trailing", "parentheses")
#: What a personal column becomes: suffix or name, and type, of the column that replaces it. Where a feed has several
#: numbers or lines, that name is for the one called as `NAMED_AS_THE_ONLY_ONE` says, and each other is `<column>_key`.
PSEUDONYMS: dict[str, tuple[str, str]] = {
    "number": ("number_key", "UUID"),
    "line": ("line_key", "UUID"),
    "person": ("{}_key", "UUID"),
    "age_band": ("age_band", "VARCHAR"),
}
NAMED_AS_THE_ONLY_ONE = {"number": "msisdn", "line": "line_id"}


@dataclass(frozen=True)
class Column:
    """One column of a feed: as it arrives, and as raw keeps it.

    A text of `null_marks` says nothing; a day of `open_end` says that there is no end, and raw keeps null for it. A
    column with a `constant` is in no file: each row has that text. One that `is_row_number` is in none either: it
    counts the rows of its delivery. One with a `position` is found by its place in a line, from 1; one that is the
    `same_source_as` another is read from that one's column of the file.
    `is_only_one` of its pseudonym in the feed, or is named as if it were.
    """

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
    resembles_numbers: bool = False
    key_position: int | None = None
    null_marks: tuple[str, ...] = ()
    open_end: tuple[date, ...] = ()
    constant: str | None = None
    position: int | None = None
    is_row_number: bool = False
    same_source_as: str | None = None
    is_only_one: bool = True

    @property
    def raw_name(self) -> str:
        """Name under which raw keeps it: a personal column is replaced by its pseudonym."""
        if not self.pseudonym:
            return self.name
        return (PSEUDONYMS[self.pseudonym][0] if self.is_only_one else "{}_key").format(self.name)

    @property
    def has_source(self) -> bool:
        """Whether a file has a column for it."""
        return self.constant is None and not self.is_row_number

    @property
    def pseudonym_kind(self) -> str | None:
        """What its pseudonym is made of, beside the value; None where there is no way back to one value."""
        if self.pseudonym in (None, "age_band"):
            return None
        return {"number": "msisdn", "line": "line"}.get(str(self.pseudonym), self.name)

    @property
    def raw_type(self) -> str:
        """DuckDB type in raw."""
        return PSEUDONYMS[self.pseudonym][1] if self.pseudonym else self.type

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
        return self.base_type in INTEGERS

    @property
    def is_searched(self) -> bool:
        """Whether a subscriber number may stand in its values unseen: in texts and quantities that are not listed."""
        is_open = self.base_type == "VARCHAR" or self.is_number
        return is_open and not (self.pseudonym or self.domain or self.resembles_numbers)

    @property
    def is_masked(self) -> bool:
        """Whether a subscriber number in it is masked and the row accepted: a text that tells no rows apart."""
        return self.is_searched and self.base_type == "VARCHAR" and self.key_position is None

    @property
    def is_number(self) -> bool:
        """Whether values are amounts or counts."""
        return self.base_type in _NUMBERS

    @property
    def scale(self) -> int | None:
        """Decimals that a value may have; None where they are not limited."""
        if self.base_type == "DECIMAL":
            return int(self.type.rstrip(")").split(",")[1])
        return self.minor_units if self.is_integer else None

    @property
    def reads_as(self) -> str:
        """What its values are, in words."""
        if self.pseudonym == "number":
            return "a phone number"
        if self.is_number:
            large = f", delivered with {self.minor_units} decimals" if self.minor_units else ""
            return f"{'a whole number' if self.is_integer else 'a number'} ({self.type}{large})"
        if self.is_row_number:
            return "the number of the row in its delivery"
        return {"DATE": "a date", "TIMESTAMPTZ": "an instant", "BOOLEAN": self._flag}.get(self.type, "text")

    @property
    def _flag(self) -> str:
        return (
            f"a flag ({'one of ' + ', '.join(self.values) if self.values else 'true, t, yes, y, 1, or their opposite'})"
        )


@dataclass(frozen=True)
class RowRule:
    """A condition over the typed columns of one row; a row that breaks it is quarantined under `name`."""

    name: str
    condition: str
    description: str


@dataclass(frozen=True)
class NumberSpelling:
    """How numbers are written: separators, digits per group from the right (the last size repeats), money and minus."""

    decimal: str = "."
    thousands: str = ""
    groups: tuple[int, ...] = (3,)
    currency_signs: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()  # of NEGATIVE, beside a leading minus


@dataclass(frozen=True)
class Feed:
    """One kind of extract. `fingerprint` changes when the contract's text does.

    A delivery is expected `due_hours` after the end of its day, and late if it is missing `lateness_days` later.
    A row may have happened `event_time_days` before its delivery's day, by the column `event_time`. `skip_lines` stand
    above a file's header, if it `has_header`; `trailer` holds patterns of the lines at its end, in which `{rows}` is
    the count of rows; `suffixes` are endings of data's names beyond the usual ones.
    The site has none that `is_absent`.
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
    escape: str
    has_header: bool
    skip_lines: int
    trailer: tuple[str, ...]
    suffixes: tuple[str, ...]
    date_formats: tuple[str, ...]
    timestamp_formats: tuple[str, ...]
    is_midnight_24: bool
    numbers: NumberSpelling
    ignored: tuple[str, ...]
    delivery: Literal["append", "full"]
    frequency_days: int
    due_hours: float
    lateness_days: int
    tolerance_pct: float
    event_time: str | None
    event_time_days: int
    amount: str | None
    fingerprint: str
    is_absent: bool = False

    @property
    def key(self) -> tuple[Column, ...]:
        """Columns of the primary key, in order."""
        keyed = [column for column in self.columns if column.key_position is not None]
        return tuple(sorted(keyed, key=lambda column: column.key_position or 0))
