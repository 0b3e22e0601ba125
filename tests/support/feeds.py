"""The default site's feeds, as their contracts say: what tests know of a feed comes from here."""

from __future__ import annotations

from pathlib import Path

from orchestration.base.settings import Settings
from orchestration.contracts import load_feeds
from tests.support.world import KEY

FEEDS = load_feeds(Settings(home=Path("nowhere"), pseudonym_key=KEY))
