"""A statement as one page to print: made of its JSON alone, which is in it, so that the page is verified with it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from orchestration.base.settings import Settings
from orchestration.evidence.signing import fingerprint
from orchestration.evidence.statement import as_text
from orchestration.evidence.verification import Finding
from orchestration.reporting.pages import environment
from orchestration.reporting.spelled import spelled

_EMBEDDED = re.compile(r'<script type="application/json" id="statement">\n(.*?)</script>', re.DOTALL)


def statement_page(settings: Settings, statement: Mapping[str, Any]) -> str:
    """The page of a statement; it looks the same whoever makes it."""
    embedded = as_text(statement).replace("</", "<\\/")
    made = environment(settings)
    made.filters["spelled"] = spelled
    return made.get_template("statement.html").render(
        stated=statement["stated"], signature=statement["signature"], public_key=statement["public_key"],
        fingerprint=fingerprint(str(statement["public_key"])), embedded=Markup(embedded),
    )  # fmt: skip


def read_statement(settings: Settings, path: Path) -> tuple[str, list[Finding]]:
    """The JSON of a statement from its file or its page; of a page also whether it shows what the JSON says."""
    text = path.read_text("utf-8")
    if path.suffix != ".html":
        return text, []
    found = _EMBEDDED.search(text)
    if found is None:
        return "", [Finding("page", False, "holds no statement")]
    content = found[1].replace("<\\/", "</")
    try:
        expected = statement_page(settings, json.loads(content)).splitlines()
    except (ValueError, KeyError, TypeError, AttributeError):
        return content, [Finding("page", False, "the statement in it cannot be read")]
    for number, (line, other) in enumerate(zip(text.splitlines(), expected, strict=False), 1):
        if line != other:
            return content, [Finding("page", False, f"line {number} does not show what the statement in it says")]
    is_whole = len(text.splitlines()) == len(expected)
    return content, [Finding("page", is_whole, "shows what the statement in it says" if is_whole else "is not whole")]
