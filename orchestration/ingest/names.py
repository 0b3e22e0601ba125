"""What a file's name in landing says: whether it is data, how it is packed, and how it is spelled to people."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterable
from fnmatch import translate
from functools import cache
from pathlib import Path

from orchestration.base.site_profile import NumberPlan
from orchestration.privacy import mask_digits
from orchestration.privacy.masking import without_numbers

_LONGEST_HEADER = 80
_SUSPICIOUS_DIGITS = 5
SUFFIXES = (".csv", ".csv.gz", ".parquet")

_UNFINISHED = "a file that is still being written, or was left unfinished"
#: Names of files that are not data, whatever they end in, by what they are; capitals do not matter.
_NO_DATA: dict[str, tuple[str, ...]] = {
    _UNFINISHED: (
        ".in.*", ".pureftpd-upload.*", "*.filepart", "*.part", "*.partial", "*.tmp", "*.temp", "*.crdownload",
        "*.download", "*.opdownload", "*.inprogress", "*.in_progress", "*.incomplete", "*.uploading", "*.upload",
        "*.writing", "*.aria2", "*.!ut", "*.swp", "*.swo", "*.swx",
    ),
    "what an office program or an editor leaves beside a file": (
        "~*", "*~", ".~*", "#*#", ".#*", "*.bak", "*.lock", "*.lck", "thumbs.db", "desktop.ini", "__macosx",
    ),
    "a mark that a job leaves": (
        "_success", "_success.*", "_started_*", "_committed_*", "_temporary*", "_metadata", "_common_metadata",
        "_delta_log",
    ),
    "hidden": (".*",),
}  # fmt: skip

#: How names are written by systems that do not write UTF-8; first the one that refuses most bytes of the other.
_NAME_ENCODINGS = ("cp949", "cp1252")


def why_not_data(name: str) -> str | None:
    """What a file of this name is, if it is not data: the table above has the names."""
    folded = name.casefold()
    return next((what for what, pattern in _no_data().items() if pattern.fullmatch(folded)), None)


def may_be_missed(name: str) -> bool:
    """Whether somebody may look for a file of this name: it is becoming an extract, or was meant for one."""
    return why_not_data(name) in (None, _UNFINISHED)


@cache
def _no_data() -> dict[str, re.Pattern[str]]:
    return {what: re.compile("|".join(map(translate, patterns))) for what, patterns in _NO_DATA.items()}


def is_data(name: str, more: Iterable[str] = ()) -> bool:
    """Whether a file of this name belongs to a delivery; `more` are endings beyond the usual ones."""
    return name.casefold().endswith((*SUFFIXES, *more)) and why_not_data(name) is None


def is_parquet(name: str) -> bool:
    """Whether a file of this name is Parquet; any other is text."""
    return name.casefold().endswith(".parquet")


def is_packed(name: str) -> bool:
    """Whether a file of this name is text in gzip."""
    return name.casefold().endswith(".gz")


def spelled(name: str, encoding: str = "utf-8") -> str:
    """A name as people read it, whatever bytes the file system has: in UTF-8, else in `encoding` or another likely one.

    Letters are composed, so that a name from macOS is the one that a manifest lists; what cannot be printed is spelled
    out.
    """
    raw = os.fsencode(name)
    for candidate in ("utf-8", encoding, *_NAME_ENCODINGS):
        try:
            text = raw.decode(candidate)
        except UnicodeDecodeError:
            continue
        break
    else:
        text = raw.decode("utf-8", "backslashreplace")
    composed = unicodedata.normalize("NFC", text)
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in composed)


def shown(path: Path, plan: NumberPlan) -> str:
    """A path as people read it, without the subscriber numbers of a plan in the name of its file."""
    return str(Path(spelled(str(path.parent))) / without_numbers(spelled(path.name), plan))


def header_in_message(name: str) -> str:
    """A column's name as a file has it; where a number or more stands in its place, long digits are masked."""
    name = " ".join(name.split())[:_LONGEST_HEADER]
    return mask_digits(name) if sum(letter.isdigit() for letter in name) >= _SUSPICIOUS_DIGITS else name


def scratch_name(path: Path, scratch: Path, suffix: str) -> Path:
    """A path in the scratch folder that no other file has, however long and in whatever bytes its own name is."""
    return scratch / (hashlib.sha256(os.fsencode(path)).hexdigest() + suffix)
