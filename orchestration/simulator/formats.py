"""Write formats: how a feed's rows become the lines or columns of its files, spelled and broken as the rows say.

A column says where its value comes from and how it may be spelled. The expressions made here are SQL over a row of
`<feed>_event` with two more columns: `spelling` (0..99, 0 = the plain spelling) and `flaw` (0 = sound, else what is
broken in this copy of the row).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from orchestration.simulator.flaws import TEARS, Break, Flaw

Kind = Literal["text", "count", "phone", "money", "day", "month", "instant", "flag"]
#: Files as each source writes them (CSV, of some feeds compressed), all CSV compressed, or all Parquet of text columns.
FileFormat = Literal["csv", "csv.gz", "parquet"]


@dataclass(frozen=True)
class Column:
    """One column of a file: its header spellings (the first is the plain one), its kind, what may break in it."""

    name: str
    kind: Kind = "text"
    headers: tuple[str, ...] = ()
    breaks: tuple[Break, ...] = ()
    dialects: bool = True  # whether the contract admits a second spelling of this column's dates or numbers


@dataclass(frozen=True)
class FeedFormat:
    """How one feed is written: separator, encoding, compression, columns, and how its lines may be torn.

    Where it `has_history`, the first delivery also tells what was before. `made_by` names the SQL that makes the rows
    of some days just before they are written; `days_in_hand` are made at a time, else as many as the panel allows. One
    that rests on what is made with another feed is written `after` it. One that is `on_demand` is written only if it is
    asked for.
    """

    feed: str
    delimiter: str
    columns: tuple[Column, ...]
    tears: tuple[Flaw, ...] = ()
    money: str | None = None
    encoding: Literal["utf-8", "cp949"] = "utf-8"
    is_gzipped: bool = False
    is_monthly: bool = False
    has_history: bool = False
    on_demand: bool = False
    made_by: str | None = None
    after: str | None = None
    days_in_hand: int | None = None
    second_instant: str = "%Y-%m-%dT%H:%M:%S+0900"
    late_per_100k: int = 300
    duplicates_per_100k: int = 150

    def suffix(self, file_format: FileFormat) -> str:
        """Extension of the feed's files."""
        return "csv.gz" if file_format == "csv" and self.is_gzipped else file_format

    def select_list(self, file_format: FileFormat) -> str:
        """SQL of a row of the file, spelled and broken as the row says: its `line`, or in Parquet its columns."""
        if file_format == "parquet":
            return ", ".join(
                f"nullif({self._cell(column, is_quoted=False)}, '') as {column.name}" for column in self.columns
            )
        cells = ", ".join(f"coalesce({self._cell(column, is_quoted=True)}, '')" for column in self.columns)
        whole = f"concat_ws('{self.delimiter}', {cells})"
        torn = " ".join(
            f"when {flaw:d} then {TEARS[flaw].line.format(whole=whole, delimiter=self.delimiter)}"
            for flaw in self.tears
        )
        return f"{f'case flaw {torn} else {whole} end' if torn else whole} as line"

    def select_names(self, file_format: FileFormat) -> str:
        """Names of the columns of `select_list`."""
        return ", ".join(column.name for column in self.columns) if file_format == "parquet" else "line"

    def flaw(self, file_format: FileFormat) -> str:
        """SQL expression of the flaw that an untrue copy of a row has, from its hash `h`; a half of them has none."""
        cells = [cell for column in self.columns for cell in column.breaks]
        flaws = list(dict.fromkeys([*self.tears, *(cell.flaw for cell in cells)]))
        if not flaws:
            return "0"
        # a row of Parquet has no cell too many or too few
        torn = set(self.tears) if file_format == "parquet" else set()
        listed = ", ".join("0" if flaw in torn else f"{flaw:d}" for flaw in flaws)
        nth = f"((h // 20000000000000) % {len(flaws)})::int"
        drawn = f"if((h // 10000000000000) % 2 = 0, [{listed}][1 + {nth}], 0)"
        wheres = {
            flaw: " or ".join(cell.where for cell in cells if cell.flaw == flaw)
            for flaw in flaws
            if any(cell.flaw == flaw and cell.where != "true" for cell in cells)
        }
        conditions = " ".join(f"when {flaw:d} then if({where}, {flaw:d}, 0)" for flaw, where in wheres.items())
        return f"case {drawn} {conditions} else {drawn} end" if conditions else drawn

    def rare_flaws(self) -> str:
        """SQL list of the flaws that a delivery has once at most, each with one in how many deliveries has it."""
        return f"[{', '.join(f'{{flaw: {flaw:d}, every: {TEARS[flaw].rare}}}' for flaw in self._rare()) or 'null'}]"

    def is_flawed(self) -> str:
        """SQL condition: an untrue copy of the row is there; of rare flaws, of those in `rare_row` only."""
        rare = ", ".join(f"{flaw:d}" for flaw in self._rare())
        return f"(possible_flaw not in ({rare}) or h in (from rare_row))" if rare else "true"

    def _rare(self) -> list[Flaw]:
        return [flaw for flaw in self.tears if TEARS[flaw].rare]

    def is_spelled_oddly(self) -> str:
        """SQL condition: the row has a phone number in a spelling that no contract announces."""
        phones = [column for column in self.columns if column.kind == "phone"]
        sound = [f"flaw <> {cell.flaw:d}" for column in phones for cell in column.breaks]
        return " and ".join(["getvariable('field_dirt')", _IS_FIELD_SPELLING, *sound]) if phones else "false"

    def plain_columns(self) -> str:
        """SQL select list of all columns as text in their plain spelling, under their plain headers."""
        return ", ".join(f"{_PLAIN[column.kind].format(c=column.name)} as {column.name}" for column in self.columns)

    def _cell(self, column: Column, *, is_quoted: bool) -> str:
        spelled = self._spelled(column, is_quoted=is_quoted)
        for cell in column.breaks:
            condition = f"flaw = {cell.flaw:d}" + (f" and {cell.where}" if cell.where != "true" else "")
            spelled = f"if({condition}, {cell.spelled}, {spelled})"
        return spelled

    def _spelled(self, column: Column, *, is_quoted: bool) -> str:
        plain, odd = _PLAIN[column.kind].format(c=column.name), None
        if column.dialects:
            odd = _ODD.get(column.kind, "").format(c=column.name, instant=self.second_instant)
            if column.kind == "money" and self.delimiter == "," and is_quoted:
                odd = f"'\"' || {odd} || '\"'"
        if column.kind == "phone":
            plain = f"if(getvariable('field_dirt') and {_IS_FIELD_SPELLING}, {_FIELD_PHONE}, {plain})"
        return f"if(spelling >= 90, {odd}, {plain})" if odd else plain


_PLAIN: dict[str, str] = {
    "text": "{c}",
    "count": "{c}::varchar",
    "phone": "'010-' || (subscriber // 10000) || '-' || right(subscriber::varchar, 4)",
    "money": "{c}::varchar",
    "day": "{c}::varchar",
    "month": "strftime({c}, '%Y-%m')",
    "instant": "{c}::varchar",
    "flag": "case {c} when true then 'Y' when false then 'N' end",
}
_ODD: dict[str, str] = {
    "phone": "if(spelling % 2 = 0, '+8210', '010') || subscriber",
    "money": "format('{{:,}}', {c}::bigint)",
    "day": "replace({c}::varchar, '-', '')",
    "instant": "strftime({c}, '{instant}')",
}

# spellings after public reports, in signs that CP949 has too
_IS_FIELD_SPELLING = "spelling between 84 and 89"
_FIELD_PHONE = (
    "case spelling when 84 then '+82 (0)10-' || (subscriber // 10000) || '-' || right(subscriber::varchar, 4)"
    " when 85 then '0082 10 ' || subscriber when 86 then '(010) ' || subscriber"
    " when 87 then '+82-10-' || (subscriber // 10000) || '-' || right(subscriber::varchar, 4)"
    " when 88 then translate('010' || subscriber, '0123456789', '０１２３４５６７８９')"
    " else '010.' || (subscriber // 10000) || '.' || right(subscriber::varchar, 4) end"
)
