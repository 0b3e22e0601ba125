"""The warehouse as it would have been on an earlier day: the same models over what had been delivered by then."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from orchestration.base.settings import Settings, private_dir
from orchestration.base.sql import connect
from orchestration.contracts import Feed
from orchestration.warehouse import dbt
from orchestration.warehouse.raw_relations import refresh_raw


@contextmanager
def built_as_known_on(
    settings: Settings, feeds: Mapping[str, Feed], known_on: date, models: Sequence[str]
) -> Iterator[Path]:
    """Build models and all they rest on in a warehouse of their own, from the revisions delivered by the end of a day.

    Yields that warehouse's file, which is gone afterwards. The running warehouse is neither read nor locked.
    """
    home = private_dir(settings.scratch_dir / f"known-on-{uuid.uuid4().hex}")
    try:
        (home / "raw").symlink_to(settings.raw_dir, target_is_directory=True)
        apart = settings.model_copy(update={"home": home})
        with connect(apart, str(apart.warehouse)) as con:
            refresh_raw(con, apart, feeds, known_on)
        dbt.build(apart, select=[f"+{model}" for model in models])
        yield apart.warehouse
    finally:
        shutil.rmtree(home, ignore_errors=True)
