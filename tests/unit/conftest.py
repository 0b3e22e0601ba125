"""What several files of tests have in common: receivers of messages, and what a publication by hand has published."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.published import Installation
from tests.support.receivers import listening_mailbox, listening_webhook


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[dict[str, Any]], list[int]]]:
    """Its address, what it got, and the answers that it still owes before it accepts anything."""
    with listening_webhook() as receiver:
        yield receiver


@pytest.fixture
def mailbox() -> Iterator[tuple[int, list[Any]]]:
    """The port of a mail server, and what it got."""
    with listening_mailbox() as receiver:
        yield receiver


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """Three marts by hand, published once."""
    made = Installation(tmp_path)
    made.publish()
    return made
