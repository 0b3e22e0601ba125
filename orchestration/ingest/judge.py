"""A contract as SQL: the typed value of each column, and every reason why a row is not acceptable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchestration.base.site_profile import NumberPlan
from orchestration.base.sql import identifier, literal
from orchestration.contracts import Column, Feed
from orchestration.ingest.amounts import number_sql
from orchestration.ingest.moments import date_sql, instant_sql
from orchestration.ingest.typed import cell_name, text_name, value_sql
from orchestration.privacy.masking import mask_digits_sql
from orchestration.privacy.numbers import e164_sql, spells_number_sql

#: What a flag may be written as, in any case, if its contract has no `values`.
TRUE_WORDS = ("true", "t", "yes", "y", "1")
FALSE_WORDS = ("false", "f", "no", "n", "0")


@dataclass(frozen=True)
class Judged:
    """A feed's columns as they are judged in files of one kind; `types` are those of a typed file's cells."""

    feed: Feed
    plan: NumberPlan
    types: Mapping[str, str]

    def typed_sql(self, column: Column) -> str:
        """SQL for a column's typed value, or null where it has none.

        Of an identity, it is what the pseudonym will be made of: the number as E.164, the line or person as it stands.
        """
        text = identifier(text_name(column))
        if column.pseudonym == "number":
            return e164_sql(text, self.plan)
        if column.pseudonym_kind:
            return text
        value = self._read_sql(column)
        if column.is_masked:
            return f"case when {holds_name(column)} then {mask_digits_sql(value)} else {value} end"
        if column.open_end:
            return f"case when {_open_end_sql(column, value)} then null else {value} end"
        if column.pseudonym == "age_band":
            decade = f"((year(dt) - {value}) // 10 * 10)"
            return f"{decade} || '-' || ({decade} + 9)"
        return value

    def _read_sql(self, column: Column) -> str:
        """What a column holds, of whatever type, before anything is made of it."""
        text = identifier(text_name(column))
        type_ = self.types.get(column.name)
        value = value_sql(column, cell_name(column), text, type_) if type_ else None
        if value:
            return value
        if column.values:
            cases = " ".join(f"when {literal(source)} then {literal(ours)}" for source, ours in column.values.items())
            text = f"case {text} {cases} else {text} end"
        return _cast_sql(column, text, self.feed)

    def searches(self) -> dict[str, str]:
        """Flag → SQL over the texts, for every column that is searched for subscriber numbers.

        A quantity is one only if it is written like one, with a zero or a plus in front.
        """
        found = {}
        for column in self.feed.columns:
            if column.is_searched:
                text = identifier(text_name(column))
                spells = spells_number_sql(text, self.plan)
                found[holds_name(column)] = f"{spells} and {text} < '1'" if column.is_number else spells
        return found

    def reasons(self, column: Column) -> dict[str, str]:
        """Reason → condition under which it applies to a row, over texts and typed values by raw name."""
        text, typed = identifier(text_name(column)), identifier(column.raw_name)
        found = {}
        if column.required:
            found[f"EMPTY:{column.name}"] = f"{text} is null"
        if column.type != "VARCHAR" or column.pseudonym == "number":
            unread = f"{text} is not null and {typed} is null"
            if column.open_end:
                unread += f" and not coalesce({_open_end_sql(column, self._read_sql(column))}, false)"
            found[f"BAD_{kind_of(column)}:{column.name}"] = unread
        if column.is_searched and not column.is_masked:
            found[f"HOLDS_NUMBER:{column.name}"] = holds_name(column)
        if column.domain:
            values = ", ".join(literal(value) for value in column.domain)
            found[f"UNKNOWN_VALUE:{column.name}"] = f"{typed} not in ({values})"
        if column.pattern:
            found[f"PATTERN:{column.name}"] = f"not regexp_full_match({text}, {literal(column.pattern)})"
        measured = self._read_sql(column) if column.pseudonym else typed
        if column.minimum is not None:
            found[f"BELOW_MINIMUM:{column.name}"] = f"{measured} < {column.minimum}"
        if column.maximum is not None:
            found[f"ABOVE_MAXIMUM:{column.name}"] = f"{measured} > {column.maximum}"
        return found

    def all_reasons(self) -> dict[str, str]:
        """Reason → condition, for every column and row rule of the feed."""
        found: dict[str, str] = {}
        for column in self.feed.columns:
            found |= self.reasons(column)
        return found | {rule.name: f"({rule.condition}) is false" for rule in self.feed.rules}


def holds_name(column: Column) -> str:
    """Name of the flag beside a searched column's text: whether it spells a subscriber number."""
    return identifier(f"_holds_{column.name}")


def _cast_sql(column: Column, text: str, feed: Feed) -> str:
    """The value of a text."""
    kind = column.base_type
    if kind == "VARCHAR":
        return text
    if kind == "BOOLEAN":
        return _flag_sql(column, text)
    if kind in ("DATE", "TIMESTAMPTZ"):
        return (date_sql if kind == "DATE" else instant_sql)(text, feed)
    return number_sql(column, text, feed.numbers)


def _flag_sql(column: Column, text: str) -> str:
    """True or false: the words of the contract, or the usual ones if it names none."""
    plain = f"case {text} when 'true' then true when 'false' then false end"
    if column.values:
        return plain
    true, false = (", ".join(map(literal, words)) for words in (TRUE_WORDS, FALSE_WORDS))
    usual = f"case when lower({text}) in ({true}) then true when lower({text}) in ({false}) then false end"
    return f"coalesce({plain}, {usual})"


def _open_end_sql(column: Column, value: str) -> str:
    """Whether a value is one of the days that stand for no end."""
    return f"cast({value} as date) in ({', '.join(f'date {literal(day)}' for day in column.open_end)})"


def kind_of(column: Column) -> str:
    """What a value of the column is, in the words of a reason; NUMBER is a subscriber's."""
    if column.pseudonym == "number":
        return "NUMBER"
    return {"DATE": "DATE", "TIMESTAMPTZ": "INSTANT", "BOOLEAN": "FLAG"}.get(column.base_type, "QUANTITY")
