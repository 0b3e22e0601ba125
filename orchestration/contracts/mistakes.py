"""What is wrong with a contract, gathered: a mistake never hides the next one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from datetime import date
from functools import cache
from pathlib import Path

import duckdb

from orchestration.base.refusal import Refusal
from orchestration.base.sql import first_line
from orchestration.contracts.document import Document
from orchestration.contracts.moment_formats import what_is_wrong


class ContractError(Refusal):
    """A contract that cannot be used; `problems` names each mistake, with the file, the line and the place in it."""

    def __init__(self, path: Path, problems: list[str]) -> None:
        self.problems = [f"{path}, {problem}" for problem in problems]
        super().__init__("\n".join(self.problems))


class Mistakes:
    """The mistakes of one contract, each with its line and its place, such as `schema.0.properties.amount`."""

    def __init__(self, document: Document) -> None:
        self._found = [(line, f"{name!r} stands twice") for line, name in document.repeated_keys()]
        self._document = document
        self._con = _engine().cursor()

    def note(self, place: str, what: str) -> None:
        """Note what is wrong at a place."""
        self._found.append((self._document.line(place), f"{place}: {what}"))

    @property
    def found(self) -> list[str]:
        """What was noted, by line."""
        return [f"line {line}: {what}" for line, what in sorted(self._found, key=lambda noted: noted[0])]

    def note_unknown(
        self, place: str, names: Iterable[str], known: Iterable[str], what: str, *, lists_known: bool = False
    ) -> None:
        """Note names that nobody reads, each with the known one that is most like it."""
        listed = sorted(known)
        for name in sorted(set(names) - set(listed)):
            guess = difflib.get_close_matches(name, listed, n=1)
            hint = f"; known are {', '.join(listed)}" if lists_known else ""
            self.note(place, f"{name!r} is {what}" + (f"; did you mean {guess[0]!r}?" if guess else hint))

    def try_sql(self, place: str, statement: str, *parameters: str) -> None:
        """Try a statement in DuckDB; what it refuses is a mistake, in its words."""
        try:
            self._con.execute(statement, parameters)
        except duckdb.Error as error:
            self.note(place, first_line(error))

    def try_format(self, place: str, form: str) -> None:
        """Try a format of dates or instants."""
        if wrong := what_is_wrong(self._con, form):
            self.note(place, f"{form!r}: {wrong}")

    def read_day(self, text: str, formats: Iterable[str]) -> date | None:
        """A day that is written as ISO or in one of the formats, or None."""
        row = self._con.execute(
            "select coalesce(try_cast($1 as date), cast(try_strptime($1, $2) as date))", [text, list(formats)]
        ).fetchone()
        return row[0] if row else None


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    """What tries the SQL of all contracts: a connection for each would be half of the time that reading them takes."""
    con = duckdb.connect()
    con.execute("set global timezone = 'UTC'")
    return con
