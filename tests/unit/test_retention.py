"""What is kept no longer goes, whole, and is not fetched back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from shutil import rmtree

import pytest

from orchestration.ingest import retention
from orchestration.ingest.arrivals import deliveries
from orchestration.ingest.receipt import read_receipts
from orchestration.ingest.retention import remove_expired
from tests.support.small_site import HEADER, SmallSite, line

OLD, NEW = date(2026, 1, 3), date(2026, 3, 4)  # sixty days apart


def _site(root: Path) -> SmallSite:
    site = SmallSite(root)
    for dt in (OLD, OLD + timedelta(days=1), NEW):
        site.drop(HEADER + line(1) + line(2, amount="x"), dt=dt)
        site.ingest(dt)
    return site


def _left(site: SmallSite) -> dict[str, list[str]]:
    rooms = (site.settings.landing_dir, site.settings.raw_dir, site.settings.quarantine_dir)
    return {room.name: sorted(path.name[3:] for path in room.glob("charges/dt=*")) for room in rooms}


def test_without_a_setting_nothing_goes(tmp_path: Path) -> None:
    site = _site(tmp_path)
    before = _left(site)
    assert remove_expired(site.settings, {"charges": site.feed}) == []
    assert _left(site) == before


def test_days_beyond_what_is_kept_go_from_every_room_and_are_named(tmp_path: Path) -> None:
    site = _site(tmp_path)
    settings = site.settings.model_copy(update={"keep_raw_days": 60})
    gone = remove_expired(settings, {"charges": site.feed})
    assert [(one.room, one.feed, one.dt) for one in gone] == [
        (room, "charges", OLD) for room in ("landing", "quarantine", "raw")
    ]
    assert all(one.bytes > 0 for one in gone)
    kept = [str(OLD + timedelta(days=1)), str(NEW)]
    assert _left(site) == {"landing": kept, "raw": kept, "quarantine": kept}
    assert remove_expired(settings, {"charges": site.feed}) == []


@pytest.mark.parametrize("room", ["landing", "quarantine", "raw"])
def test_a_day_that_was_half_removed_is_gone_for_everybody_and_its_rest_goes_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: str
) -> None:
    site = _site(tmp_path)
    site.drop(HEADER + line(4), name="more.csv", dt=OLD)
    site.ingest(OLD)
    settings = site.settings.model_copy(update={"keep_raw_days": 60})

    def killed(folder: Path) -> None:
        if room in folder.parts:
            next(path for path in sorted(folder.rglob("*"), reverse=True) if path.is_file()).unlink()
            raise KeyboardInterrupt
        rmtree(folder)

    with monkeypatch.context() as patched:
        patched.setattr(retention.shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            remove_expired(settings, {"charges": site.feed})
    assert [one.dt for one in deliveries(settings, {"charges": site.feed})] == [OLD + timedelta(days=1), NEW]
    assert [one.rev for one in read_receipts(settings.raw_dir) if one.dt == OLD] == ([] if room == "raw" else [1, 2])
    remove_expired(settings, {"charges": site.feed})
    assert not [path for path in settings.home.rglob("*") if str(OLD) in path.name]


def test_extracts_go_once_they_have_been_ingested_long_enough_and_only_these(tmp_path: Path) -> None:
    site = _site(tmp_path)
    site.drop("no,header\n1,2\n", dt=NEW + timedelta(days=1))
    assert site.ingest(NEW + timedelta(days=1)).status == "REFUSED"
    site.drop(HEADER + line(3), dt=OLD)  # corrected since, and not ingested yet
    settings = site.settings.model_copy(update={"keep_landing_days": 7})
    feeds = {"charges": site.feed}
    now = datetime.now(UTC)
    assert remove_expired(settings, feeds, now + timedelta(days=6)) == []
    gone = remove_expired(settings, feeds, now + timedelta(days=8))
    assert [(one.room, one.dt) for one in gone] == [("landing", OLD + timedelta(days=1)), ("landing", NEW)]
    assert [delivery.dt for delivery in deliveries(settings, feeds)] == [OLD, NEW + timedelta(days=1)]
    assert len(_left(site)["raw"]) == 4


@pytest.mark.parametrize("name", ["charges_2.txt", "charges.csv.part", "more"])
def test_a_day_with_more_in_its_folder_than_was_taken_stays(tmp_path: Path, name: str) -> None:
    site = _site(tmp_path)
    folder = site.settings.landing_dir / "charges" / f"dt={NEW}"
    (folder / name).write_text(HEADER + line(7), "utf-8")
    (folder / "_SUCCESS").touch()
    settings = site.settings.model_copy(update={"keep_landing_days": 7})
    later = datetime.now(UTC) + timedelta(days=8)
    gone = remove_expired(settings, {"charges": site.feed}, later)
    assert [one.dt for one in gone] == [OLD, OLD + timedelta(days=1)]
    assert (folder / name).exists()
    (folder / name).unlink()
    assert [one.dt for one in remove_expired(settings, {"charges": site.feed}, later)] == [NEW]
    assert not folder.exists()


def test_what_is_laid_in_while_a_day_is_removed_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = _site(tmp_path)
    folder = site.settings.landing_dir / "charges" / f"dt={NEW}"
    rename = Path.rename

    def corrected_meanwhile(path: Path, target: Path) -> Path:
        if path == folder:
            site.drop(HEADER + line(7), name="more.csv", dt=NEW)
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", corrected_meanwhile)
    settings = site.settings.model_copy(update={"keep_landing_days": 7})
    gone = remove_expired(settings, {"charges": site.feed}, datetime.now(UTC) + timedelta(days=8))
    assert [one.dt for one in gone] == [OLD, OLD + timedelta(days=1)]
    assert (folder / "more.csv").exists()
