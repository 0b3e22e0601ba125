"""What was in by a day: nothing on a page is a zero because it has not arrived, and nothing is from later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb

from orchestration.contracts import Feed
from orchestration.serving.generations import Publication


@dataclass(frozen=True)
class Known:
    """Accepted deliveries by feed up to a day, and how far each published relation goes."""

    day: date
    feeds: Mapping[str, Feed]
    delivered: Mapping[str, frozenset[date]]
    through: Mapping[str, date | None]

    @classmethod
    def by(
        cls, day: date, con: duckdb.DuckDBPyConnection, feeds: Mapping[str, Feed], publication: Publication
    ) -> Known:
        """Read it from what is published."""
        rows = con.execute(
            "select feed, list(distinct dt) from ops.delivery where status = 'ACCEPTED' and dt <= $1 group by feed",
            [day],
        ).fetchall()
        through = {entry.relation: entry.data_through for entry in publication.relations}
        return cls(day, feeds, {feed: frozenset(days) for feed, days in rows}, through)

    def through_of(self, relation: str, feeds: Iterable[str]) -> date | None:
        """The last day up to the page's that is known in a relation, as far as these feeds go; None if none is.

        A feed that is not daily is in as long as its next delivery is not expected, and so is what rests on it alone.
        """
        through, feeds = self.through.get(relation), list(feeds)
        spare = timedelta(days=min((self._every(feed) for feed in feeds), default=1) - 1)
        ends = [through and through + spare, *(self._end(feed) for feed in feeds)]
        return None if None in ends else min(self.day, *(end for end in ends if end))

    def lacking(self, feeds: Iterable[str], days: int) -> list[date]:
        """Days of the last `days` up to the page's for which a daily one of these feeds has not delivered."""
        window = [self.day - timedelta(days=back) for back in reversed(range(days))]
        daily = [self.delivered.get(feed, frozenset()) for feed in feeds if self._every(feed) == 1]
        return [day for day in window if any(day not in delivered for delivered in daily)]

    def _end(self, feed: str) -> date | None:
        delivered = self.delivered.get(feed)
        return max(delivered) + timedelta(days=self._every(feed) - 1) if delivered else None

    def _every(self, feed: str) -> int:
        return self.feeds[feed].frequency_days if feed in self.feeds else 1
