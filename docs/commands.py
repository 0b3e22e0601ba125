"""Write docs/commands.md, the reference of the command `ringfence`, from what the command says of itself."""

from __future__ import annotations

from pathlib import Path

import typer
from typer.cli import get_docs_for_click

from orchestration.cli import app

PAGE = Path(__file__).with_name("commands.md")
_TITLE = "Every command and option"
_NOTE = "Written by `python docs/commands.py` from the command's own help."


def reference() -> str:
    """The page, in Markdown."""
    command = typer.main.get_command(app)
    context = typer.Context(command, info_name="ringfence")
    written = get_docs_for_click(obj=command, ctx=context, name="ringfence", title=_TITLE)
    return written.replace(f"# {_TITLE}\n", f"# {_TITLE}\n\n{_NOTE}\n", 1).strip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(reference(), "utf-8")
