"""Masks for what is shown of a row that could not be accepted. A mask keeps the shape and loses the digits."""

from __future__ import annotations

import re

from orchestration.base.settings import NumberPlan


def mask_digits(text: str) -> str:
    """`010-1234-5678` → `###-####-####`."""
    return re.sub("[0-9]", "#", text)


def mask_digits_sql(expression: str) -> str:
    """SQL for `mask_digits`."""
    return f"regexp_replace({expression}, '[0-9]', '#', 'g')"


def mask_number_sql(expression: str, plan: NumberPlan) -> str:
    """SQL that masks a value only if it holds what could be a subscriber number, in any spelling."""
    squeezed = f"regexp_replace({expression}, '[-. ()+/_]', '', 'g')"
    return (
        f"case when regexp_matches({squeezed}, '{plan.national_pattern}') "
        f"then {mask_digits_sql(expression)} else {expression} end"
    )
