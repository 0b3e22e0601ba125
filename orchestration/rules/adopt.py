"""Changes that were tried, made the site's own: the rules that they change, whole, in its `fraud_rules.csv`."""

from __future__ import annotations

import csv
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from orchestration.base.files import replace_text
from orchestration.base.refusal import Refusal
from orchestration.base.settings import Settings, private_dir
from orchestration.base.sql import connect
from orchestration.rules.changes import TABLE, changed_rules, checked_site
from orchestration.site.reference import lay_over


class AdoptError(Refusal):
    """The changes cannot become the site's; the message says why."""


@dataclass(frozen=True)
class Adopted:
    """The site's table, and how many rules it has now."""

    path: Path
    rows: int


def adopt(settings: Settings, changes: Path) -> Adopted:
    """Write the rules that a file changes into the site's table, beside those that it has already.

    Raises:
        AdoptError: if the installation has no site folder.
        ChangesError: if the file names what is not there, or no rule can have; then nothing is written.
    """
    if settings.site is None:
        raise AdoptError("There is no site folder to write to: RINGFENCE_SITE names it (docs/sites.md).")
    with connect(settings) as con:
        relation = lay_over(con, settings, "fraud_rules")
        own = con.execute(f"select rule_id, version from {relation} where line is not null").fetchall()
        con.execute(f"create temp table fraud_rules as select * exclude (line) from {relation}")
        rules = changed_rules(con, "fraud_rules", changes)
    home = private_dir(settings.scratch_dir / f"adopt-{uuid.uuid4().hex}")
    try:
        checked_site(settings, settings.model_copy(update={"home": home, "site": home / "site"}), changes, rules)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    rows = [rule.row for rule in rules if rule.line or (rule.row["rule_id"], rule.row["version"]) in own]
    target = settings.site / "reference" / TABLE
    target.parent.mkdir(parents=True, exist_ok=True)
    replace_text(target, _as_csv(rows))
    return Adopted(target, len(rows))


def _as_csv(rows: Sequence[dict[str, str]]) -> str:
    text = StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
