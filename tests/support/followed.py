"""A page of the documentation, done as it stands: its files written, its changes made, its commands run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

#: A block of code with its language, and the line above it, whose last quotation names the file that it is of.
_BLOCK = re.compile(r"(?P<above>[^\n]*)\n\n```(?P<language>\w+)\n(?P<text>.*?)^```", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"`([\w/.]+\.\w+)`")


@dataclass(frozen=True)
class Step:
    """One block of a page: a file (`csv`), changes of one (`diff`), or commands with what they answer (`console`)."""

    language: str
    file: str
    text: str

    def commands(self) -> Iterator[tuple[list[str], str]]:
        """The arguments of each command, and what the page shows of its answer."""
        for part in self.text.split("$ ringfence ")[1:]:
            first, _, answer = part.partition("\n")
            yield shlex.split(first), answer


def steps(page: str, heading: str) -> list[Step]:
    """The blocks below a heading of a page, up to the next heading."""
    section = page.split(f"\n## {heading}\n")[1].split("\n## ", maxsplit=1)[0]
    found = []
    for block in _BLOCK.finditer(section):
        paragraph = section[: block.start("language")].rsplit("\n\n", 2)[1]
        found.append(Step(block["language"], (_FILE.findall(paragraph) or [""])[0], block["text"]))
    return found


def do(step: Step, folder: Path) -> None:
    """Write a file or change it; every `-` line stands there once, and becomes the `+` line below it."""
    path = folder / step.file
    if step.language == "csv":
        path.write_text(step.text, "utf-8")
        return
    text = path.read_text("utf-8")
    lines = step.text.splitlines()
    for before, after in zip(lines[::2], lines[1::2], strict=True):
        assert (before[0], after[0]) == ("-", "+")
        assert text.count(before[1:]) == 1, f"{step.file}: {before[1:]!r} does not stand there once"
        text = text.replace(before[1:], after[1:])
    path.write_text(text, "utf-8")


def run(arguments: list[str], folder: Path) -> str:
    """What a command answers in a folder, with nothing of this process's environment but what is not ours."""
    environment: Mapping[str, str] = {
        name: value for name, value in os.environ.items() if not name.startswith(("RINGFENCE_", "DAGSTER_"))
    } | {"COLUMNS": "400"}
    command = [str(Path(sys.executable).with_name("ringfence")), *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ringfence {' '.join(arguments)}: {done.stdout[-4000:]}{done.stderr[-2000:]}"
    return done.stdout


def is_as_shown(answer: str, shown: str) -> bool:
    """Whether an answer is what a page shows, where `…` stands for anything and spaces at a line's end for nothing."""
    tidy = "\n".join(line.rstrip() for line in answer.splitlines()).strip()
    wanted = "\n".join(line.rstrip() for line in shown.splitlines()).strip()
    return re.fullmatch(re.escape(wanted).replace("…", ".*"), tidy, re.DOTALL) is not None
