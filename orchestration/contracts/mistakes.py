"""What is wrong with a contract, gathered: a mistake never hides the next one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

import duckdb

from orchestration.base.refusal import Refusal
from orchestration.base.sql import first_line


class ContractError(Refusal):
    """A contract that cannot be used; `problems` names each mistake, with the file and the place in it."""

    def __init__(self, path: Path, problems: list[str]) -> None:
        self.problems = [f"{path}: {problem}" for problem in problems]
        super().__init__("\n".join(self.problems))


class Mistakes:
    """The mistakes of one contract, each with its place in the file, such as `schema.0.properties.amount`."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._con = duckdb.connect()

    def note(self, place: str, what: str) -> None:
        """Note what is wrong at a place."""
        self.found.append(f"{place}: {what}")

    def note_unknown(
        self, place: str, names: Iterable[str], known: Iterable[str], what: str, *, lists_known: bool = False
    ) -> None:
        """Note names that nobody reads, each with the known one that is most like it."""
        listed = sorted(known)
        for name in sorted(set(names) - set(listed)):
            guess = difflib.get_close_matches(name, listed, n=1)
            hint = f"; known are {', '.join(listed)}" if lists_known else ""
            self.note(place, f"{name!r} is {what}" + (f"; did you mean {guess[0]!r}?" if guess else hint))

    def try_sql(self, place: str, statement: str, *parameters: str, said_first: str = "") -> None:
        """Try a statement in DuckDB; what it refuses is a mistake, in its words."""
        try:
            self._con.execute(statement, parameters)
        except duckdb.Error as error:
            self.note(place, said_first + first_line(error))
