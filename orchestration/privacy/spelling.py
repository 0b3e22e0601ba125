"""What a digit is, and what may stand between the digits of a number: said here, for masks, E.164 and every search.

A digit is whatever Unicode reads as one of 0 to 9: the decimal digits of all scripts, and what NFKC makes of
full-width, circled or superscript ones. Between digits may stand anything that is neither a letter nor a number:
punctuation, separators, symbols, marks, and characters that nobody sees.

SQL works on columns: a text is first made plain (`plain_sql`), with ASCII digits and signs, and a space for any other
character that is neither a letter nor a number. A text that is ASCII already costs one comparison of two lengths.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache

from orchestration.base.sql import literal

DIGITS = "0123456789"
#: ASCII that is neither a letter nor a digit.
BETWEEN = "".join(chr(code) for code in range(128) if not chr(code).isalnum())
#: What is dialled behind a number, without being part of it.
DIALLED_BEHIND = "*#,;"
#: Signs that mean something in a spelled number, whatever their width.
_SIGNS = f"{DIALLED_BEHIND}+."
#: Beyond these planes of Unicode there are no digits; looking further would cost half a second.
_PLANES = 0x20000
#: What may stand between two digits of a plain text, for RE2 and Python alike: also as JSON escapes what is not ASCII.
ANYTHING_BETWEEN = r"(?:[\x00-/:-@\[-`{-\x7F]|\\u[0-9A-Fa-f]{4})*"
_OTHER_SIGN = re.compile(r"[^\w\x00-\x7f]")


@cache
def variants() -> Mapping[str, str]:
    """ASCII digit or sign → all other characters that are read as it."""
    found: dict[str, list[str]] = defaultdict(list)
    for character, read in _read_as().items():
        if len(read) == 1 and read in DIGITS + _SIGNS:
            found[read].append(character)
    return {read: "".join(characters) for read, characters in found.items()}


@cache
def numerals() -> str:
    """Every character that stands for a digit, or for several, such as a ten in a circle."""
    return DIGITS + "".join(
        character
        for character, read in _read_as().items()
        if any(one in DIGITS for one in read) and not any(one.isalpha() for one in read)
    )


@cache
def other_numerals() -> re.Pattern[str]:
    """Any of them that is not of ASCII."""
    return re.compile(f"[{numerals()[len(DIGITS) :]}]")


@cache
def _read_as() -> Mapping[str, str]:
    """Character → what it stands for, of those that stand for something else."""
    found = {}
    for character in map(chr, range(128, _PLANES)):
        digit = unicodedata.digit(character, None)
        if digit is not None:
            found[character] = str(digit)
        elif unicodedata.decomposition(character):
            found[character] = unicodedata.normalize("NFKC", character)
    return found


def character_class(characters: Iterable[str]) -> str:
    """A set of characters as a class of RE2, by ranges of code points."""
    codes = sorted(set(map(ord, characters)))
    parts: list[str] = []
    start = 0
    for at in range(1, len(codes) + 1):
        if at == len(codes) or codes[at] != codes[at - 1] + 1:
            parts.append(f"\\x{{{codes[start]:X}}}-\\x{{{codes[at - 1]:X}}}")
            start = at
    return f"[{''.join(parts)}]"


def spaced(pattern: str, between: str = ANYTHING_BETWEEN) -> str:
    """A pattern of ASCII digits, so that it also matches with something behind each of them."""
    return re.sub(
        r"\{[^}]*\}|\\.|\[[^\]]*\]|[0-9]|\.",
        lambda token: token[0] if token[0].startswith("{") else f"(?:{token[0]}{between})",
        pattern,
    )


@cache
def _to_plain() -> dict[int, str]:
    return {ord(one): plain for plain, characters in variants().items() for one in characters}


def plain(text: str) -> str:
    """A text with ASCII digits and signs; a space stands for any other character but letters and numbers."""
    if text.isascii():
        return text
    # single signs first: NFKC makes letters of some signs
    return _OTHER_SIGN.sub(" ", unicodedata.normalize("NFKC", plain_one_by_one(text)))


def plain_one_by_one(text: str) -> str:
    """The same sign by sign; what stands for several digits stays as it is, and is none."""
    return _OTHER_SIGN.sub(" ", text.translate(_to_plain()))


@cache
def _fold_patterns() -> tuple[tuple[str, str], ...]:
    found = [(character_class(characters), plain_) for plain_, characters in sorted(variants().items())]
    return (*found, (r"[^\p{L}\p{N}\x00-\x7F]", " "))


def plain_sql(expression: str) -> str:
    """SQL for `plain_one_by_one`."""
    folded = expression
    for pattern, replacement in _fold_patterns():
        folded = f"regexp_replace({folded}, {literal(pattern)}, {literal(replacement)}, 'g')"
    return f"case when strlen({expression}) = length({expression}) then {expression} else {folded} end"
