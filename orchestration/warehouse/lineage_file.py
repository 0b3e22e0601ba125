"""What has been read of models' columns, as it is kept beside the manifest; without Dagster, which takes seconds."""

from __future__ import annotations

import json
from typing import Any

from orchestration.base.files import replace_text
from orchestration.base.settings import Settings
from orchestration.warehouse import dbt

#: Per model (unique id): the `code` under which it was read, and per column of `columns` where it comes from, as
#: (schema, relation, column).
Kept = dict[str, dict[str, Any]]
_NAME = "lineage.json"


def load_lineage(settings: Settings) -> Kept:
    """What is kept; nothing before the first run, or from a version that kept it in another form."""
    path = dbt.target_dir(settings) / _NAME
    kept: Kept = json.loads(path.read_bytes()).get("read", {}) if path.exists() else {}
    return kept


def save_lineage(settings: Settings, kept: Kept) -> None:
    """Keep it."""
    replace_text(dbt.target_dir(settings) / _NAME, json.dumps({"read": kept}))
