"""Feeds as their data contracts describe them.

Here: reading an Open Data Contract Standard file into a `Feed`, and the default site's contracts.
Not here: anything that reads a delivery (`ingest/`), and any feed by name.
"""

from orchestration.contracts.mistakes import ContractError
from orchestration.contracts.model import Column, Feed, RowRule
from orchestration.contracts.reader import contract_paths, load_feed, load_feeds

__all__ = ["Column", "ContractError", "Feed", "RowRule", "contract_paths", "load_feed", "load_feeds"]
