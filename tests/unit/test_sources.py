"""Extracts that come from a store, a server or a database are brought into landing whole, once, and never in clear."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import dagster as dg
import duckdb
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.registry import _registry
from pydantic import ValidationError

from orchestration.automation.source_sensor import days_with_news
from orchestration.base.settings import Settings
from orchestration.definitions import build_defs
from orchestration.ingest import StorageError, ingest
from orchestration.ingest.arrivals import unread
from orchestration.ingest.delivery import MANIFEST
from orchestration.ingest.receipt import read_receipts
from orchestration.ingest.sources import SourceError, fetch, fetching, has_news, offered, offers
from orchestration.site.check import check_site
from orchestration.site.reference import SiteError
from tests.support.disk import full_disk
from tests.support.remote import s3_server, sftp_server
from tests.support.small_site import DAY, HEADER, SmallSite, line

NEXT = DAY + timedelta(days=1)


@pytest.fixture(autouse=True)
def no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


def _from(site: SmallSite, **source: Any) -> SmallSite:
    """The site with a source for its feed."""
    told = "".join(f"{name} = {json.dumps(value)}\n" for name, value in source.items() if not isinstance(value, dict))
    told += "".join(
        f"{name} = {{ {', '.join(f'{key} = {json.dumps(one)}' for key, one in value.items())} }}\n"
        for name, value in source.items()
        if isinstance(value, dict)
    )
    folder = site.root / "site"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "site.toml").write_text(f"[landing.charges]\n{told}", "utf-8")
    return site


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A folder that another system writes into: a day is a folder of two files, and of what is not ready yet."""
    folder = tmp_path / "exports"
    _offer(folder, DAY, 2)
    return folder


def _offer(folder: Path, dt: date, rows: int) -> None:
    day = folder / f"{dt:%Y%m%d}"
    day.mkdir(parents=True, exist_ok=True)
    for part in (1, 2):
        (day / f"part{part}.csv").write_text(HEADER + "".join(line(100 * part + n) for n in range(rows)), "utf-8")
    (day / "part3.csv.filepart").write_text("half a fi", "utf-8")


@pytest.fixture
def site(tmp_path: Path, store: Path) -> SmallSite:
    return _from(SmallSite(tmp_path), url=f"file://{store}/{{dt:%Y%m%d}}/*")


def _landed(site: SmallSite, dt: date = DAY) -> dict[str, str]:
    folder = site.settings.landing_dir / "charges" / f"dt={dt}"
    return {path.name: path.read_text("utf-8") for path in sorted(folder.glob("*.csv"))}


def test_a_day_is_brought_into_landing_whole_and_not_twice(site: SmallSite, store: Path) -> None:
    assert offered(site.settings, site.feed, DAY)
    (done,) = fetch(site.settings, site.feed, [DAY, NEXT])
    assert done.files == ["part1.csv", "part2.csv"]
    assert _landed(site) == {path.name: path.read_text("utf-8") for path in sorted((store / "20260103").glob("*.csv"))}
    assert fetch(site.settings, site.feed, [DAY, NEXT]) == []
    assert not has_news(site.settings, {"charges": site.feed}, [DAY, NEXT])
    receipt = site.ingest()
    assert (receipt.rows_accepted, receipt.has_manifest) == (4, True)


def test_a_correction_replaces_the_day_and_is_a_new_revision(site: SmallSite, store: Path) -> None:
    fetch(site.settings, site.feed, [DAY])
    assert site.ingest().rows_accepted == 4
    _offer(store, DAY, 3)
    assert has_news(site.settings, {"charges": site.feed}, [DAY])
    fetch(site.settings, site.feed, [DAY])
    receipt = site.ingest()
    assert (receipt.rev, receipt.rows_accepted) == (2, 6)
    assert sorted(path.name for path in (site.settings.landing_dir / "charges").iterdir()) == ["dt=2026-01-03"]


def test_a_source_s_own_manifest_comes_byte_by_byte(site: SmallSite, store: Path) -> None:
    said = '{"source": "billing", "files": [{"name": "part1.csv", "control_totals": {"amount": 98765432109876.54}}]}\n'
    (store / "20260103" / MANIFEST).write_text(said, "utf-8")
    fetch(site.settings, site.feed, [DAY])
    assert (site.settings.landing_dir / "charges" / f"dt={DAY}" / MANIFEST).read_text("utf-8") == said
    assert fetch(site.settings, site.feed, [DAY]) == []
    assert not list(unread(site.settings, {"charges": site.feed}, []))
    _offer(store, DAY, 3)
    assert fetch(site.settings, site.feed, [DAY])


def test_what_retention_removed_from_landing_is_not_fetched_again_and_what_was_laid_by_hand_stays(
    site: SmallSite, store: Path
) -> None:
    fetch(site.settings, site.feed, [DAY])
    for path in (folder := site.settings.landing_dir / "charges" / f"dt={DAY}").iterdir():
        path.unlink()
    folder.rmdir()
    assert fetch(site.settings, site.feed, [DAY]) == []
    _offer(store, NEXT, 1)
    site.drop(HEADER + line(7), "by_hand.csv", NEXT)
    assert fetch(site.settings, site.feed, [NEXT]) == []
    assert list(_landed(site, NEXT)) == ["by_hand.csv"]


class _Killed(BaseException):
    """The process is gone."""


def _killed_at(step: int, monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> bool:
    """Let `act` die before its n-th write, rename or record; whether it came so far."""
    done = 0

    def dying(original: Callable[..., Any]) -> Callable[..., Any]:
        def one_step(*arguments: Any, **named: Any) -> Any:
            nonlocal done
            done += 1
            if done > step:
                raise _Killed
            return original(*arguments, **named)

        return one_step

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", dying(Path.rename))
        patch.setattr(fetching, "replace_text", dying(fetching.replace_text))
        patch.setattr(fetching, "sync", dying(fetching.sync))
        patch.setattr(fetching.shutil, "rmtree", dying(fetching.shutil.rmtree))
        try:
            act()
        except _Killed:
            return True
    return False


@pytest.mark.parametrize("is_correction", [False, True])
def test_a_fetch_that_is_killed_at_any_moment_is_carried_to_its_end_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_correction: bool
) -> None:
    step, was_killed = 0, True
    while was_killed:
        root = tmp_path / f"{step}"
        _offer(root / "exports", DAY, 2)
        site = _from(SmallSite(root), url=f"file://{root}/exports/{{dt:%Y%m%d}}/*.csv")
        if is_correction:
            fetch(site.settings, site.feed, [DAY])
            _offer(root / "exports", DAY, 3)
        was_killed = _killed_at(step, monkeypatch, lambda site=site: fetch(site.settings, site.feed, [DAY]))
        fetch(site.settings, site.feed, [DAY])
        rows = 3 if is_correction else 2
        assert [text.count("\n") - 1 for text in _landed(site).values()] == [rows, rows]
        assert fetch(site.settings, site.feed, [DAY]) == []
        assert [path.name for path in (site.settings.landing_dir / "charges").iterdir()] == [f"dt={DAY}"]
        step += 1
    assert step > 6


def test_a_file_is_read_on_from_where_a_killed_fetch_left_it(
    site: SmallSite, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[int] = []
    original = fetching.reader

    def half(feed: str, source: Any) -> Any:
        way = original(feed, source)
        write = way.write

        def writing(offer: Any, dt: date, target: Any, have: int) -> None:
            begun.append(have)
            if len(begun) == 1:
                target.write((store / "20260103" / offer.name).read_bytes()[:50])
                target.flush()
                raise _Killed
            write(offer, dt, target, have)

        way.write = writing
        return way

    monkeypatch.setattr(fetching, "reader", half)
    with pytest.raises(_Killed):
        fetch(site.settings, site.feed, [DAY])
    fetch(site.settings, site.feed, [DAY])
    assert begun == [0, 50, 0]
    assert _landed(site)["part1.csv"] == (store / "20260103" / "part1.csv").read_text("utf-8")


def test_a_disk_that_is_full_here_is_not_told_as_the_source_s_fault_and_the_fetch_goes_on_when_there_is_room(
    site: SmallSite, store: Path
) -> None:
    _offer(store, DAY, 500)
    settings, feed = site.settings, site.feed
    with full_disk(), pytest.raises(StorageError, match=r"no room under .*make room and run again"):
        fetch(settings, feed, [DAY])
    fetch(settings, feed, [DAY])
    assert _landed(site) == {path.name: path.read_text("utf-8") for path in sorted((store / "20260103").glob("*.csv"))}


def test_an_error_of_the_disk_here_does_not_say_a_number_that_the_source_put_into_a_file_s_name(
    site: SmallSite, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (store / "20260103" / "part1.csv").rename(store / "20260103" / "calls_01012345678.csv")

    def fails(path: Path, mode: str) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    monkeypatch.setattr(Path, "touch", fails)
    with pytest.raises(OSError, match=r"Input/output error.*calls_###########\.csv\.part"):
        fetch(site.settings, site.feed, [DAY])


# ---------------------------------------------------------------- servers
def test_extracts_come_from_an_object_store_and_a_day_without_any_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: Path
) -> None:
    import s3fs

    environment: dict[str, str] = {}
    with s3_server(environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        bucket = s3fs.S3FileSystem(skip_instance_cache=True)
        bucket.mkdir("exports")
        comes_once_and_again_when_it_is_changed(tmp_path, "s3", store, bucket)


def comes_once_and_again_when_it_is_changed(root: Path, protocol: str, store: Path, bucket: Any) -> None:
    """What a store has in its bucket `exports` comes into landing, is left alone, and comes again when changed."""
    for path in (store / "20260103").iterdir():
        bucket.pipe(f"exports/charges/20260103/{path.name}", path.read_bytes())
    site = _from(SmallSite(root), url=f"{protocol}://exports/charges/{{dt:%Y%m%d}}/*")
    (done,) = fetch(site.settings, site.feed, [DAY, NEXT])
    assert done.files == ["part1.csv", "part2.csv"]
    assert fetch(site.settings, site.feed, [DAY, NEXT]) == []
    assert not has_news(site.settings, {"charges": site.feed}, [DAY])
    bucket.pipe("exports/charges/20260103/part1.csv", (HEADER + line(1)).encode())
    assert has_news(site.settings, {"charges": site.feed}, [DAY])
    fetch(site.settings, site.feed, [DAY])
    assert site.ingest().rows_accepted == 3


class _Gs(MemoryFileSystem):
    """Files in memory, told of as gcsfs tells of its own; tests/slow/test_source_stores.py has a server."""

    protocol = "gs"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.removeprefix(f"{cls.protocol}://")))

    def told_of(self, size: int) -> dict[str, Any]:
        return {"md5Hash": f"md5 of {size}", "updated": "2026-01-04T05:40:00Z"}

    def find(self, path: str, *limits: Any, detail: bool = False, **more: Any) -> Any:
        found = super().find(path, *limits, detail=True, **more)
        told = {name: one | self.told_of(one["size"]) if one["type"] == "file" else one for name, one in found.items()}
        return told if detail else list(told)


class _Az(_Gs):
    """The same as adlfs does."""

    protocol = "az"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]

    def told_of(self, size: int) -> dict[str, Any]:
        return {"etag": f"0x{size}", "last_modified": datetime(2026, 1, 4, tzinfo=UTC)}


@pytest.mark.parametrize("store_class", [_Gs, _Az])
def test_files_of_other_stores_are_told_apart_by_what_their_libraries_tell_of_them(
    tmp_path: Path, store: Path, store_class: type[MemoryFileSystem], monkeypatch: pytest.MonkeyPatch
) -> None:
    protocol = str(store_class.protocol)
    monkeypatch.setitem(_registry, protocol, store_class)
    comes_once_and_again_when_it_is_changed(tmp_path, protocol, store, store_class())


@pytest.mark.parametrize(("url", "extra"), [("gs://exports/{dt}/x", "gcs"), ("az://exports/{dt}/x", "azure")])
def test_a_store_whose_library_is_not_there_names_the_extra_that_brings_it(
    tmp_path: Path, url: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("gcsfs", "adlfs"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SourceError, match=rf"charges: {url[:2]}:// needs ringfence\[{extra}\]"):
        fetch(_from(SmallSite(tmp_path), url=url).settings, SmallSite(tmp_path).feed, [DAY])


@pytest.mark.parametrize("kind", ["mysql+pymysql", "oracle+oracledb"])
def test_a_database_whose_driver_is_not_there_names_it_and_no_password(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("pymysql", "oracledb"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setenv("BILLING_DATABASE", f"{kind}://billing:the-password@db/x")
    site = _from(SmallSite(tmp_path), query="select 1 where :dt = 1", database="BILLING_DATABASE")
    with pytest.raises(SourceError, match=r"(pymysql|oracledb).* is not installed") as refused:
        fetch(site.settings, site.feed, [DAY])
    assert "the-password" not in str(refused.value)


def test_extracts_come_from_an_ssh_server_that_is_known_with_a_password_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: Path
) -> None:
    monkeypatch.setenv("CLEARING_PASSWORD", "the-password")
    with sftp_server(tmp_path, store, "the-password") as server:
        url = f"sftp://clearing@127.0.0.1:{server.port}/{{dt:%Y%m%d}}/*.csv"
        secrets = {"password": "CLEARING_PASSWORD"}
        site = _from(SmallSite(tmp_path), url=url, known_hosts=str(server.known_hosts), secrets=secrets)
        (done,) = fetch(site.settings, site.feed, [DAY, NEXT])
        assert done.files == ["part1.csv", "part2.csv"]
        assert site.ingest().rows_accepted == 4
        unknown = {"known_hosts": str(tmp_path / "nobody"), "secrets": secrets}
        refused_by_it = {"known_hosts": str(server.known_hosts), "secrets": {"password": "OTHER"}}
        for wrong in (unknown, refused_by_it):
            monkeypatch.setenv("OTHER", "a-wrong-password")
            with pytest.raises(SourceError) as refused:
                fetch(_from(site, url=url, **wrong).settings, site.feed, [NEXT])
            assert "charges: its source cannot be read" in str(refused.value)
            assert "password" not in str(refused.value)


def test_rows_of_a_query_are_asked_until_there_are_any_and_then_not_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = tmp_path / "billing.db"
    monkeypatch.setenv("BILLING_DATABASE", f"sqlite:///{database}")
    with sqlite3.connect(database) as con:
        con.execute(f"create table charge ({HEADER.strip()}, loaded_on)")
    site = _from(SmallSite(tmp_path), query="select * from charge where loaded_on = :dt", database="BILLING_DATABASE")
    assert fetch(site.settings, site.feed, [DAY]) == []
    with sqlite3.connect(database) as con:
        rows = [[*line(n).strip().split(","), str(DAY)] for n in range(3)]
        con.executemany(f"insert into charge values ({', '.join('?' * 8)})", rows)
    (done,) = fetch(site.settings, site.feed, [DAY, NEXT])
    assert done.files == ["rows.parquet"]
    receipt = site.ingest()
    assert (receipt.rows_accepted, receipt.unknown_columns) == (3, ["loaded_on"])
    assert fetch(site.settings, site.feed, [DAY]) == []


def test_a_query_s_columns_are_texts_whatever_a_block_of_rows_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offers, "_ROWS_AT_ONCE", 2)
    database = tmp_path / "billing.db"
    monkeypatch.setenv("BILLING_DATABASE", f"sqlite:///{database}")
    with sqlite3.connect(database) as con:
        con.execute("create table told (number, ended)")
        con.executemany(
            "insert into told values (?, ?)", [(1, None), (2, None), (3, "2026-01-01"), (4, None), (5, None)]
        )
    ask = "select number, ended from told where :dt is not null"
    site = _from(SmallSite(tmp_path), query=ask, database="BILLING_DATABASE")
    fetch(site.settings, site.feed, [DAY])
    rows = site.settings.landing_dir / "charges" / f"dt={DAY}" / "rows.parquet"
    assert duckdb.sql(f"select number, ended from '{rows}' where number = '3'").fetchall() == [("3", "2026-01-01")]
    assert duckdb.sql(f"select distinct typeof(number), typeof(ended) from '{rows}'").fetchall() == [("VARCHAR",) * 2]
    _from(site, query="select number, ended as number from told where :dt is not null", database="BILLING_DATABASE")
    with pytest.raises(SourceError, match="two columns of the name 'number'"):
        fetch(site.settings, site.feed, [NEXT])


# ---------------------------------------------------------------- the graph
def _materialize(site: SmallSite) -> dg.ExecuteInProcessResult:
    assets = build_defs(settings=site.settings).get_repository_def().assets_defs_by_key
    wanted = [assets[dg.AssetKey(["landing", "charges"])], assets[dg.AssetKey(["raw", "charges"])]]
    with dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize(wanted, partition_key=str(DAY), instance=instance, raise_on_error=False)


def test_the_graph_fetches_before_it_ingests(site: SmallSite) -> None:
    assert site.feed
    result = _materialize(site)
    assert result.success
    assert {check.check_name: check.passed for check in result.get_asset_check_evaluations()}["fetched"]
    (receipt,) = read_receipts(site.settings.raw_dir)
    assert receipt.rows_accepted == 4


def test_a_source_that_cannot_be_read_is_a_failed_check_and_holds_up_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BILLING_DATABASE", "postgresql+psycopg2://user:the-password@127.0.0.1:1/billing")
    site = _from(SmallSite(tmp_path), query="select * from x where d = :dt", database="BILLING_DATABASE")
    assert site.feed
    result = _materialize(site)
    assert result.success
    (check,) = [one for one in result.get_asset_check_evaluations() if one.check_name == "fetched"]
    assert not check.passed
    assert "charges: its source cannot be read: OperationalError" in str(check.description)
    assert "the-password" not in str(check.description)


class _Cut(_Gs):
    """A store that has less of a file than it lists."""

    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]

    def told_of(self, size: int) -> dict[str, Any]:
        return super().told_of(size) | {"size": size + 1}


def test_a_number_in_the_name_of_a_file_that_a_source_cannot_give_is_told_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(_registry, "gs", _Cut)
    _Cut().pipe("exports/20260103/010-1234-5678.csv", (HEADER + line(1)).encode())
    site = _from(SmallSite(tmp_path), url="gs://exports/{dt:%Y%m%d}/*")
    assert site.feed
    (check,) = [one for one in _materialize(site).get_asset_check_evaluations() if one.check_name == "fetched"]
    logged = capfd.readouterr().err
    for said in (logged, str(check.description)):
        assert "###-####-####.csv of 2026-01-03 has " in said
        assert "010-1234-5678" not in said


def test_a_store_is_looked_at_for_late_and_corrected_days_and_each_content_is_asked_for_once(
    site: SmallSite, store: Path
) -> None:
    now = datetime(2026, 1, 9, 12, tzinfo=ZoneInfo("Asia/Seoul"))

    def asked() -> dict[str | None, str | None]:
        with dg.DagsterInstance.ephemeral() as instance:
            requests = days_with_news(instance, site.settings, {"charges": site.feed}, now)
        return {request.partition_key: request.run_key for request in requests}

    (first,) = asked().items()
    assert first[0] == str(DAY)
    fetch(site.settings, site.feed, [DAY])
    assert asked() == {}
    _offer(store, DAY, 3)
    (corrected,) = asked().items()
    assert corrected[0] == first[0]
    assert corrected[1] != first[1]


# ---------------------------------------------------------------- what a site may say
@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"url": "s3://x/*.csv"}, "does not tell days apart"),
        ({"url": "/exports/{dt:%Y%m%d}/*"}, "begins with no protocol"),
        ({"url": "s3://x/{day}/*"}, "is not what a day is written by"),
        ({"url": "sftp://me:secret@host/{dt:%Y%m%d}/*"}, "holds a password"),
        ({"url": "s3://x/{dt}/*", "query": "select :dt"}, "a source has a url"),
        ({"query": "select 1", "database": "X"}, "asks for no day"),
        ({"query": "select :dt"}, "a source has a url"),
    ],
)
def test_a_source_that_could_not_work_is_refused_with_the_settings(
    tmp_path: Path, source: dict[str, str], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        _ = _from(SmallSite(tmp_path), **source).settings


def test_a_source_of_a_feed_that_nobody_knows_and_a_secret_that_is_not_there_are_named(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "site.toml").write_text('[landing.paymnts]\nurl = "s3://x/{dt}/*"\n', "utf-8")
    with pytest.raises(SiteError, match=r"landing: there is no feed 'paymnts'; did you mean 'payments'\?"):
        check_site(Settings(home=tmp_path, site=tmp_path / "site"))
    site = _from(SmallSite(tmp_path), query="select :dt", database="NOT_THERE")
    with pytest.raises(SourceError, match=r"the environment has no NOT_THERE, which \[landing\.charges\]"):
        fetch(site.settings, site.feed, [DAY])
    assert ingest(site.settings, site.feed, [DAY]) == []
