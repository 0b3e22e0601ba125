"""Where extracts come from, if nobody lays them into landing: stores of files, databases, and what was fetched of them.

Here: listing and reading what a source has for a day, and bringing it into landing whole.
Not here: what a delivery says, which is read from landing as any other.
"""

from orchestration.ingest.sources.fetching import Fetched, fetch, has_news, offered
from orchestration.ingest.sources.offers import SourceError

__all__ = ["Fetched", "SourceError", "fetch", "has_news", "offered"]
