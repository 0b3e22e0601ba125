"""What all pages share: how their templates are read, and how they are written."""

from __future__ import annotations

import re
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from orchestration.base.files import replace_text
from orchestration.base.settings import Settings, private_dir


def environment(settings: Settings) -> Environment:
    """Templates of this folder: in a page, what a value holds is never markup; a name that is missing is an error."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    zone = ZoneInfo(settings.time_zone)
    made.filters["code"] = _code
    made.filters["minute"] = lambda instant: f"{instant.astimezone(zone):%Y-%m-%d %H:%M}"
    return made


def _code(text: str) -> Markup:
    """A text in which what stands between backticks is code, and nothing else is markup."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def write_page(settings: Settings, name: str, page: str) -> Path:
    """Replace a page among the reports in one step, and return where it is."""
    path = private_dir(settings.reports_dir) / name
    replace_text(path, page)
    return path
