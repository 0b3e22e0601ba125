"""Dagster's event log in SQLite, whose connections stay open.

As Dagster ships it, an event opens up to three, and SQLite waits for the disk whenever one commits or closes: 10 to 50
ms an event, and a first run has thousands. Here it is 2 ms: SQLite waits for the disk only when it writes its log back
(a power cut may lose the last events, never the file). Everything else is Dagster's.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import StaticPool

from orchestration.runtime.dagster_internals import Configured, ShippedEventLog, StoredEvent

_MOST_OPEN = 8  # the index, and the runs that somebody looks at
_WAIT_SECONDS = 60


class EventLog(ShippedEventLog):
    """Named in `dagster.yaml`; the files are those of Dagster's own."""

    def __init__(self, base_dir: str, inst_data: Configured | None = None) -> None:
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: Configured | None, config_value: Mapping[str, Any]) -> Self:
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:  # one thread at a time, as with a connection of its own
            engine = self._engine(shard)
            with engine.connect() as con, con.begin():
                yield con

    def store_event(self, event: StoredEvent) -> None:
        super().store_event(event)
        # the UI watches a run by its file, which SQLite itself now touches only now and then
        os.utime(self.path_for_shard(event.run_id))

    def _engine(self, shard: str) -> Engine:
        if shard in self._engines:
            self._engines.move_to_end(shard)
            return self._engines[shard]
        engine = create_engine(
            self.conn_string_for_shard(shard), poolclass=StaticPool,
            connect_args={"timeout": _WAIT_SECONDS, "check_same_thread": False},
        )  # fmt: skip
        event.listen(engine, "connect", lambda connection, _: connection.execute("pragma synchronous = normal"))
        self._initdb(engine)
        self._engines[shard] = engine
        while len(self._engines) > _MOST_OPEN:
            self._engines.popitem(last=False)[1].dispose()
        return engine

    def dispose(self) -> None:
        super().dispose()
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()
