"""The contract's escape sign: what it makes plain is kept from the reader of a text by signs that no text has."""

from __future__ import annotations

import re
from collections.abc import Iterator

from orchestration.contracts import Feed

#: Signs that the contract's escape sign makes plain, and what stands in for them until they are values: noncharacters,
#: which no text has. The delimiter is the fifth.
_ESCAPED = {"\\quote": "\ufdd0", "\\escape": "\ufdd1", "\n": "\ufdd2", "\r": "\ufdd3", "\\delimiter": "\ufdd4"}


def escapes(feed: Feed) -> dict[str, str]:
    """What stands in a value for a sign that was escaped → that sign; empty without an escape sign."""
    if not feed.escape:
        return {}
    signs = {"\\quote": feed.quote, "\\escape": feed.escape, "\\delimiter": feed.delimiter}
    return {stand_in: signs.get(name, name) for name, stand_in in _ESCAPED.items() if signs.get(name, name)}


def unescaped(blocks: Iterator[bytes], feed: Feed) -> Iterator[bytes]:
    """A text's blocks with a stand-in for each escaped sign; an escape before any other sign is a sign of the text."""
    if not feed.escape:
        yield from blocks
        return
    escape = re.escape(feed.escape.encode())
    stand_ins = {sign.encode(): stand_in.encode() for stand_in, sign in escapes(feed).items()}
    stand_ins[b"\r\n"] = stand_ins[b"\n"]
    signs = b"|".join(re.escape(sign) for sign in sorted(stand_ins, key=len, reverse=True))
    escaped = re.compile(escape + b"(" + signs + b")")
    delimiter = feed.delimiter.encode()
    begun = b"|".join([b"\r", *(re.escape(delimiter[:end]) for end in range(1, len(delimiter)))])
    undecided = re.compile(b"(?:" + escape + b")+(?:" + begun + b")?\\Z")
    held = b""
    for block in blocks:
        text = held + block
        found = undecided.search(text)
        cut = found.start() if found else len(text)
        held = text[cut:]
        yield escaped.sub(lambda match: stand_ins[match[1]], text[:cut])
    yield escaped.sub(lambda match: stand_ins[match[1]], held)
