"""The `customProperties` of a contract, or of one of its columns, read one by one into what they stand for."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, TypeVar

from orchestration.contracts.mistakes import Mistakes
from orchestration.contracts.moment_formats import EPOCHS, WORDS

_Word = TypeVar("_Word", bound=str | bool)
_LONGEST_DELIMITER = 4  # bytes; DuckDB takes no more


class Properties:
    """Custom properties by name; each is read in the way that its meaning asks for, and a wrong one is noted."""

    def __init__(
        self, entries: Iterable[Any] | None, known: Collection[str], mistakes: Mistakes, place: str, prefix: str
    ) -> None:
        self._found: dict[str, Any] = {}
        self._mistakes = mistakes
        self._prefix = prefix
        for entry in entries or []:
            if str(entry.property) in self._found:
                self.wrong(str(entry.property), "said twice")
            self._found[str(entry.property)] = entry.value
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

    def quoted(self, name: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """One text or a list of them, none of which YAML has read as something else, such as a bare `NULL`."""
        value = self.get(name, default)
        items = value if isinstance(value, list | tuple) else [value]
        self._check_texts(name, items)
        return tuple(str(item) for item in items)

    def constant(self, name: str) -> str | None:
        """A text, a whole number or a flag, as text; None if there is none."""
        value = self.get(name)
        if value is not None and (not isinstance(value, str | int) or value == ""):
            self.wrong(name, f"{value!r} is not text; put it in quotes")
        return None if value is None else _spelled(value)

    def words(self, name: str, known: Collection[str]) -> tuple[str, ...]:
        """Some of the known words, or none."""
        found = self.texts(name)
        for word in found:
            if word not in known:
                self.wrong(name, f"{word!r} is none of {', '.join(known)}")
        return found

    def flag(self, name: str) -> bool:
        """True or false; false unless it says otherwise."""
        value = self.get(name, False)
        if not isinstance(value, bool):
            self.wrong(name, f"{value!r} is neither true nor false")
        return bool(value)

    def number(self, name: str, default: float) -> float:
        """A number of 0 or more."""
        value = self.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            self.wrong(name, f"{value!r} is not a number of 0 or more")
            return default
        return float(value)

    def whole(self, name: str, default: int) -> int:
        """A whole number of 0 or more."""
        value = self.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            self.wrong(name, f"{value!r} is not a whole number of 0 or more")
            return default
        return int(value)

    def sizes(self, name: str, default: tuple[int, ...]) -> tuple[int, ...]:
        """Some whole numbers from 1."""
        value = self.get(name, default)
        sizes = value if isinstance(value, list | tuple) else [value]
        if not sizes or any(isinstance(size, bool) or not isinstance(size, int) or size < 1 for size in sizes):
            self.wrong(name, f"{value!r} is not a list of digits per group, such as [3, 2] for 12,34,567")
            return default
        return tuple(sizes)

    def choice(self, name: str, *choices: _Word) -> _Word:
        """One of some words; the first is the default."""
        value: _Word = self.get(name, choices[0])
        if value not in choices:
            self.wrong(name, f"{value!r} is neither {' nor '.join(map(repr, choices))}")
        return value

    def sign(self, name: str, default: str, *, may_be_empty: bool = False) -> str:
        """One ASCII sign, neither a letter nor a digit nor a line end."""
        sign = str(self.get(name, default))
        is_one = len(sign) == 1 and sign.isascii() and not sign.isalnum() and sign not in "\r\n"
        if not (is_one or (may_be_empty and not sign)):
            self.wrong(name, f"{sign!r} is not one ASCII sign" + " or nothing" * may_be_empty)
        return sign

    def delimiter(self, name: str, default: str, *, unlike: tuple[str, str]) -> str:
        """Up to four bytes of signs, neither letters nor digits nor line ends; none of them has another meaning."""
        signs = str(self.get(name, default))
        if not 1 <= len(signs.encode()) <= _LONGEST_DELIMITER or any(c.isalnum() or c in "\r\n" for c in signs):
            self.wrong(name, f"{signs!r} is not one to four bytes of signs")
        other = str(self.get(*unlike))
        if other and other in signs:
            self.wrong(name, f"{signs!r} is the {unlike[0]} too")
        return signs

    def encoding(self, name: str) -> str:
        """An encoding that Python knows; UTF-8 unless it says otherwise."""
        encoding = str(self.get(name, "utf-8"))
        try:
            "".encode(encoding)
        except LookupError:
            self.wrong(name, f"Python knows no {encoding!r}")
        return encoding.lower()

    def formats(self, name: str, *default: str, has_words: bool = False) -> tuple[str, ...]:
        """Formats of dates or instants, as `strptime` has them, or words that stand for one."""
        formats = self.texts(name, default)
        if not formats:
            self.wrong(name, "empty")
        for form in formats:
            if not (has_words and form in WORDS):
                self._mistakes.try_format(f"{self._prefix}.{name}", form)
        if len(set(EPOCHS) & set(formats)) > 1:
            self.wrong(name, f"a count cannot be told from another: one of {', '.join(EPOCHS)}")
        return formats

    def mapping(self, name: str) -> dict[str, str]:
        """The source's values → ours, both as text; an empty one of ours stands for nothing."""
        values = self.get(name, {})
        if not isinstance(values, dict):
            self.wrong(name, "a mapping of the source's values to ours")
            return {}
        self._check_texts(name, values)
        return {str(source): _spelled(ours) for source, ours in values.items()}

    def _check_texts(self, name: str, items: Iterable[Any]) -> None:
        if misread := [item for item in items if not isinstance(item, str)]:
            self.wrong(name, f"{misread[0]!r}: YAML reads this as no text; put it in quotes")


def _spelled(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
