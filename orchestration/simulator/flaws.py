"""What may be wrong with a copy of a row: in a cell, across cells, or with the whole line."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Flaw(IntEnum):
    """What is wrong with a broken copy of a row; the sound row always comes too."""

    NONE = 0
    BAD_NUMBER = 1
    UNKNOWN_STATUS = 2
    EMPTY_REQUIRED = 3
    EXTRA_COLUMN = 4
    WRONG_CONTENT = 5  # well-formed but untrue; a later delivery corrects it
    MISSING_COLUMN = 6
    KEY_CONFLICT = 7  # two copies of one key that say different things
    BAD_DATE = 8
    BAD_INSTANT = 9
    BAD_QUANTITY = 10
    BAD_FLAG = 11
    TOO_SMALL = 12
    TOO_LARGE = 13
    MISSING_FOR_STATE = 14  # a row of that state has to say it
    OUT_OF_ORDER = 15  # two times that cannot both be true
    NUMBER_IN_KEY = 16
    OPEN_QUOTE = 17
    LONG_LINE = 18


@dataclass(frozen=True)
class Break:
    """One way in which a cell may be broken: what stands there then, and in which rows it can be, as SQL."""

    flaw: Flaw
    spelled: str
    where: str = "true"


@dataclass(frozen=True)
class Tear:
    """What may be wrong with a whole line of text: SQL of the torn line, over `whole` and `delimiter`.

    A `rare` one happens to one row of a delivery, and only in one delivery of so many: an open quote would close the
    next one, and a line without an end takes two megabytes.
    """

    flaw: Flaw
    line: str
    rare: int = 0


TEARS = {
    tear.flaw: tear
    for tear in (
        Tear(Flaw.EXTRA_COLUMN, "{whole} || '{delimiter}?'"),
        Tear(Flaw.MISSING_COLUMN, "regexp_replace({whole}, '[{delimiter}][^{delimiter}]*$', '')"),
        Tear(Flaw.OPEN_QUOTE, "'\"' || {whole}", rare=10),
        Tear(Flaw.LONG_LINE, "{whole} || repeat('0', 2000000)", rare=8),
    )
}
