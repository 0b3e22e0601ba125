"""Deliveries: manifests, when they arrived, and what is tried again."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from orchestration.ingest.arrivals import unread
from orchestration.ingest.known_since import CLOCK_SKEW, note_passed
from orchestration.ingest.quarantine import retry
from tests.support.small_site import DAY, HEADER, SmallSite, line

TEXT = HEADER + line(1) + line(2)
GOOD: dict[str, Any] = {
    "name": "charges.csv", "rows": 2, "sha256": hashlib.sha256(TEXT.encode()).hexdigest(),
    "control_totals": {"amount": 3},
}  # fmt: skip


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallSite:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    site = SmallSite(tmp_path)
    site.drop(TEXT)
    return site


def test_what_nobody_will_take_for_a_delivery_is_named_with_the_reason(site: SmallSite) -> None:
    landing = site.settings.landing_dir
    for name in (
        "foo/dt=2026-01-03/a.csv",
        "charges/dt=2026-1-3/a.csv",
        "charges/stray.csv",
        "charges/dt=2999-01-01/a.csv",
    ):
        (landing / name).parent.mkdir(parents=True, exist_ok=True)
        (landing / name).touch()
    (landing / "charges" / f"dt={DAY}" / "a.xlsx").touch()
    (landing / ".simulated.json").touch()
    assert [text.removeprefix(f"{landing}/") for text in unread(site.settings, {"charges": site.feed}, [])] == [
        f"charges/dt={DAY}/a.xlsx: an extract's name ends in .csv, .csv.gz, .parquet",
        "charges/dt=2026-1-3: a day's folder is called dt=YYYY-MM-DD",
        "charges/dt=2999-01-01: that day has not ended",
        "charges/stray.csv: a day's folder is called dt=YYYY-MM-DD",
        "foo: there is no feed of that name",
    ]


def test_a_manifest_that_agrees_is_noted_with_its_totals(site: SmallSite) -> None:
    site.manifest(GOOD)
    receipt = site.ingest()
    assert (receipt.refusal, receipt.has_manifest, receipt.totals) == (None, True, {"amount": 3})


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([{"name": "other.csv"}, GOOD], "other.csv: listed in _manifest.json, but absent"),
        ([GOOD, GOOD], "_manifest.json: lists a file twice"),
        ([GOOD | {"rows": 3}], "charges.csv: 2 rows, but 3 in _manifest.json"),
        ([GOOD | {"sha256": "00"}], "charges.csv: its SHA-256 differs from the one in _manifest.json"),
        ([GOOD | {"control_totals": {"amount": 4}}], "charges.csv: amount adds up to 3, but to 4 in _manifest.json"),
        ([GOOD | {"control_totals": {"note": 4}}], "_manifest.json: control total of 'note', which is not an amount"),
        (
            [GOOD | {"control_totals": {"msisdn": 4}}],
            "_manifest.json: control total of 'msisdn', which is not an amount",
        ),
        ([GOOD | {"rows": "many"}], "_manifest.json: files.0.rows: "),
    ],
)
def test_a_manifest_that_disagrees_refuses_the_delivery(
    site: SmallSite, files: list[dict[str, Any]], said: str
) -> None:
    site.manifest(*files)
    receipt = site.ingest()
    assert receipt.status == "REFUSED"
    assert str(receipt.refusal).startswith(said)


def test_a_file_that_the_manifest_does_not_list_refuses_the_delivery(site: SmallSite) -> None:
    site.manifest(GOOD)
    site.drop(TEXT, "more.csv")
    assert site.ingest().refusal == "more.csv: not listed in _manifest.json"


def test_a_listed_file_that_cannot_be_read_is_refused_for_that_and_not_for_its_hash(site: SmallSite) -> None:
    (site.folder() / "fees.csv").mkdir()
    site.manifest({"name": "charges.csv"}, {"name": "fees.csv", "sha256": "0" * 64})
    assert site.ingest().refusal == "fees.csv: is not a file"


def test_a_manifest_without_files_or_that_is_no_json_refuses_the_delivery(site: SmallSite) -> None:
    (site.folder() / "charges.csv").unlink()
    site.manifest()
    assert site.ingest().refusal == "_manifest.json: there is no file beside it"
    (site.folder() / "_manifest.json").write_text("{")
    assert str(site.ingest().refusal).startswith("_manifest.json: the file: Invalid JSON")
    (site.folder() / "_manifest.json").write_text('{"files": [{"name": "charges.csv", "rows": 2, "rows": 3}]}')
    assert site.ingest().refusal == "_manifest.json: 'rows' is said twice"


def test_a_mended_manifest_is_enough_to_be_tried_again(site: SmallSite) -> None:
    site.manifest(GOOD | {"rows": 3})
    assert site.ingest().status == "REFUSED"
    assert site.ingest().rev == 1
    site.manifest(GOOD)
    receipt = site.ingest()
    assert (receipt.rev, receipt.status) == (2, "ACCEPTED")


def test_other_bytes_make_a_revision_and_the_same_bytes_none(site: SmallSite) -> None:
    assert site.ingest().rev == 1
    os.utime(site.folder() / "charges.csv", (1, 1))
    assert site.ingest().rev == 1
    site.drop(TEXT + line(3))
    assert site.ingest().rev == 2
    site.drop(TEXT)
    assert site.ingest().rev == 3, "bytes of an earlier revision come back"


def test_a_delivery_arrived_when_its_manifest_says_or_its_file_came_or_for_history_the_next_morning(
    site: SmallSite,
) -> None:
    assert site.ingest().delivered_at == datetime(2026, 1, 3, 21, tzinfo=UTC), "backfilled history: 06:00 in Seoul"
    other = date(2026, 1, 4)
    came = datetime(2026, 1, 5, 1, tzinfo=UTC)
    os.utime(site.drop(TEXT, dt=other), (came.timestamp(), came.timestamp()))
    assert site.ingest(other).delivered_at == came
    site.drop(TEXT + line(4), dt=other)
    site.manifest(dt=other, delivered_at="2026-01-06T05:40:00+09:00")
    assert site.ingest(other).delivered_at == datetime(2026, 1, 5, 20, 40, tzinfo=UTC)


def test_quarantine_is_judged_again_once_the_contract_is_mended(site: SmallSite) -> None:
    site.drop(TEXT + "".join(line(n) for n in range(3, 30)) + line(30, charged_on="03/01/2026"))
    before = site.ingest()
    assert before.rows_quarantined == 1
    (same,) = retry(site.settings, {"charges": site.feed}, None, None)
    assert same.why_not == "the contract has not changed since"
    site.options = {"dateFormat": ["%Y-%m-%d", "%d/%m/%Y"]}
    assert site.ingest().rev == 1, "a mended contract alone does not judge again what was accepted"
    (mended,) = retry(site.settings, {"charges": site.feed}, None, DAY)
    assert mended.after is not None
    assert (mended.after.rev, mended.after.rows_accepted, mended.after.rows_quarantined) == (2, 30, 0)
    assert mended.after.delivered_at > before.delivered_at, "known only since it was judged again"
    assert retry(site.settings, {"charges": site.feed}, None, None) == []


def test_what_was_refused_is_tried_again_under_a_mended_contract(site: SmallSite) -> None:
    site.drop(TEXT.replace("amount", "total"))
    assert site.ingest().status == "REFUSED"
    site.columns[2]["sourceHeader"] = ["total"]
    receipt = site.ingest()
    assert (receipt.rev, receipt.status) == (2, "ACCEPTED")


# ---------------------------------------------------------------- since when a delivery is known
@pytest.mark.parametrize("claimed", [datetime(1980, 1, 1, tzinfo=UTC), datetime(2026, 1, 3, 14, 59, tzinfo=UTC)])
@pytest.mark.parametrize("by", ["file", "manifest"])
def test_a_time_before_the_end_of_its_own_day_is_replaced_by_the_first_sight_of_it_and_said(
    site: SmallSite, claimed: datetime, by: str
) -> None:
    _claim(site, claimed, by)
    before = datetime.now(UTC)
    receipt = site.ingest()
    assert before <= receipt.delivered_at <= datetime.now(UTC)
    assert (receipt.claimed_at, receipt.is_claim_impossible) == (claimed, True)


@pytest.mark.parametrize("by", ["file", "manifest"])
def test_a_time_in_the_future_is_replaced_by_now_and_a_clock_that_is_a_little_ahead_is_not_a_fault(
    site: SmallSite, by: str
) -> None:
    _claim(site, datetime.now(UTC) + timedelta(days=400), by)
    receipt = site.ingest()
    assert receipt.delivered_at <= datetime.now(UTC)
    assert receipt.is_claim_impossible
    site.drop(TEXT + line(7))
    _claim(site, datetime.now(UTC) + CLOCK_SKEW / 2, "manifest")
    receipt = site.ingest()
    assert receipt.delivered_at <= datetime.now(UTC)
    assert not receipt.is_claim_impossible


def test_a_delivery_of_a_day_that_has_not_ended_is_known_at_its_end(site: SmallSite) -> None:
    today = datetime.now(ZoneInfo("Asia/Seoul")).date()
    site.drop(TEXT, dt=today)
    midnight = datetime.combine(today + timedelta(days=1), datetime.min.time(), ZoneInfo("Asia/Seoul"))
    assert site.ingest(today).delivered_at == midnight


@pytest.mark.parametrize("by", ["file", "manifest"])
@pytest.mark.parametrize("is_first", [True, False])
def test_what_comes_after_a_publication_went_past_its_day_was_not_known_then_whatever_its_time(
    site: SmallSite, by: str, is_first: bool
) -> None:
    if not is_first:
        site.ingest()
        site.drop(TEXT + line(8))
    published_at = datetime.now(UTC)
    note_passed(site.settings, date(2026, 1, 10), published_at)
    _claim(site, datetime(2026, 1, 5, tzinfo=UTC), by)
    receipt = site.ingest()
    assert receipt.delivered_at >= published_at
    assert (receipt.claimed_at, receipt.is_claim_impossible) == (datetime(2026, 1, 5, tzinfo=UTC), False)


def test_history_is_backfilled_as_if_it_had_come_in_time_only_beyond_what_has_been_published(site: SmallSite) -> None:
    published_at = datetime.now(UTC)
    note_passed(site.settings, date(2026, 1, 2), published_at)
    assert site.ingest().delivered_at == datetime(2026, 1, 3, 21, tzinfo=UTC)
    note_passed(site.settings, date(2026, 1, 10), published_at)
    other = date(2026, 1, 4)
    site.drop(TEXT, dt=other)
    assert site.ingest(other).delivered_at >= published_at


def _claim(site: SmallSite, moment: datetime, by: str) -> None:
    """Give the delivery a time, by its file or by its manifest."""
    if by == "manifest":
        site.manifest(delivered_at=moment.isoformat())
    os.utime(site.folder() / "charges.csv", (moment.timestamp(), moment.timestamp()))
