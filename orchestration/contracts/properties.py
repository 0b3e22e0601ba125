"""The `customProperties` of a contract, or of one of its columns, read one by one into what they stand for."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, TypeVar

from orchestration.contracts.mistakes import Mistakes

_Word = TypeVar("_Word", bound=str)


class Properties:
    """Custom properties by name; each is read in the way that its meaning asks for, and a wrong one is noted."""

    def __init__(
        self, entries: Iterable[Any] | None, known: Collection[str], mistakes: Mistakes, place: str, prefix: str
    ) -> None:
        self._found = {str(entry.property): entry.value for entry in entries or []}
        self._mistakes = mistakes
        self._prefix = prefix
        mistakes.note_unknown(place, self._found, known, "unknown", lists_known=True)

    def get(self, name: str, default: Any = None) -> Any:
        """A value as YAML has it."""
        return self._found.get(name, default)

    def wrong(self, name: str, what: str) -> None:
        """Note what is wrong with a property."""
        self._mistakes.note(f"{self._prefix}.{name}", what)

    def texts(self, name: str, default: str | tuple[str, ...] = ()) -> tuple[str, ...]:
        """One text or a list of them."""
        value = self.get(name, default)
        return (value,) if isinstance(value, str) else tuple(str(item) for item in value)

    def number(self, name: str, default: float) -> float:
        """A number of 0 or more."""
        value = self.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            self.wrong(name, f"{value!r} is no number of 0 or more")
            return default
        return float(value)

    def choice(self, name: str, *choices: _Word) -> _Word:
        """One of some words; the first is the default."""
        value: _Word = self.get(name, choices[0])
        if value not in choices:
            self.wrong(name, f"{value!r} is neither {' nor '.join(map(repr, choices))}")
        return value

    def sign(self, name: str, default: str, *, may_be_empty: bool = False) -> str:
        """One ASCII sign that is no letter, digit or line end."""
        sign = str(self.get(name, default))
        is_one = len(sign) == 1 and sign.isascii() and not sign.isalnum() and sign not in "\r\n"
        if not (is_one or (may_be_empty and not sign)):
            self.wrong(name, f"{sign!r} is not one ASCII sign" + " or nothing" * may_be_empty)
        return sign

    def encoding(self, name: str) -> str:
        """An encoding that Python knows; UTF-8 unless it says otherwise."""
        encoding = str(self.get(name, "utf-8"))
        try:
            "".encode(encoding)
        except LookupError:
            self.wrong(name, f"Python knows no {encoding!r}")
        return encoding.lower()

    def formats(self, name: str, default: str) -> tuple[str, ...]:
        """Formats of dates or instants, as `strptime` has them."""
        formats = self.texts(name, default)
        if not formats:
            self.wrong(name, "empty")
        for form in formats:
            place = f"{self._prefix}.{name}"
            self._mistakes.try_sql(place, "select try_strptime('', $1)", form, said_first=f"{form!r}: ")
        return formats

    def mapping(self, name: str) -> dict[str, str]:
        """The source's values → ours, both as text."""
        values = self.get(name, {})
        if not isinstance(values, dict):
            self.wrong(name, "a mapping of the source's values to ours")
            return {}
        if misread := [source for source in values if not isinstance(source, str)]:
            self.wrong(name, f"{misread[0]!r}: YAML reads this as no text; put it in quotes")
        return {str(source): _spelled(ours) for source, ours in values.items()}


def _spelled(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
