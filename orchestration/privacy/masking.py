"""Masks for what is shown of a row that could not be accepted. A mask keeps the shape and loses the digits."""

from __future__ import annotations

import re
from functools import cache

from orchestration.base.site_profile import NumberPlan
from orchestration.base.sql import literal
from orchestration.privacy.numbers import could_hold_number, could_hold_number_sql, spells_number, without_dates
from orchestration.privacy.spelling import character_class, numerals, plain

#: Digits of a number that somebody could call, where nobody knows of which country.
_SHORTEST_CALLABLE, _LONGEST_CALLABLE = 9, 15


def mask_digits(text: str) -> str:
    """`010-1234-5678` → `###-####-####`, in digits of any script."""
    return _numeral().sub("#", text)


def mask_digits_sql(expression: str) -> str:
    """SQL for `mask_digits`."""
    return f"regexp_replace({expression}, {_numeral_class()}, '#', 'g')"


def mask_number_sql(expression: str) -> str:
    """SQL that masks a value only if it could hold a subscriber number, in any spelling; see `numbers.install`."""
    return f"case when {could_hold_number_sql(expression)} then {mask_digits_sql(expression)} else {expression} end"


def mask_numbers(text: str, plan: NumberPlan) -> str:
    """`mask_number_sql`, of one text."""
    return mask_digits(text) if could_hold_number(text, plan) else text


def without_numbers(text: str, plan: NumberPlan) -> str:
    """Text without the digits of the subscriber numbers that it spells; other digits stay."""
    return _run().sub(lambda found: mask_digits(found[0]) if spells_number(found[0], plan) else found[0], text)


def mask_callable(text: str) -> str:
    """Text of any site without what could be a phone number; keys, dates and instants stay."""

    def mask(found: re.Match[str]) -> str:
        run = found[0]
        is_key = run.isalnum() and len(run) > _LONGEST_CALLABLE
        digits = len(_numeral().findall(without_dates(plain(run))))
        return run if is_key or digits < _SHORTEST_CALLABLE else mask_digits(run)

    return _run().sub(mask, text)


@cache
def _numeral_class() -> str:
    return literal(character_class(numerals()))


@cache
def _run() -> re.Pattern[str]:
    """Digits that stand together, however they are spaced. A letter of ASCII in front makes them a key."""
    digit, between = f"[{numerals()}]", r"(?:[^\w\r\n]|_){0,2}"
    return re.compile(rf"(?<![0-9A-Za-z])\+?\(?{digit}(?:{between}{digit})+")


@cache
def _numeral() -> re.Pattern[str]:
    return re.compile(f"[{numerals()}]")
