"""Messages arrive at real receivers, once per cause, and hold neither secret nor figure."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from pydantic import ValidationError

from orchestration.automation.notifications import announce
from orchestration.base.settings import Settings
from orchestration.contracts import load_feeds
from orchestration.gates import verdicts
from orchestration.gates.outcome import Outcome
from orchestration.runtime.instance import JOB
from orchestration.serving.generations import PUBLICATION, Publication, PublishedRelation, switch
from tests.support.receivers import PASSWORD, SECRET_PATH, certificate, listening_mailbox
from tests.support.small_site import SmallSite

NUMBER = "010-1234-5678"
NOW = datetime(2026, 1, 4, 3, tzinfo=UTC)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def _settings(root: Path, **more: Any) -> Settings:
    (root / "site").mkdir(exist_ok=True)
    return Settings(home=root / "home", site=root / "site", pseudonym_key="k" * 40, **more)  # type: ignore[arg-type]


def _closed_gate(settings: Settings, run_id: str, *, passed: bool = False) -> None:
    outcome = Outcome(
        stage="raw", relation="charges", partition="2026-01-03", expectation_id="volume_low",
        expectation_type="expect_something", severity="critical", passed=passed, observed=f"4711 rows of {NUMBER}",
        expected="more", evaluated=1, failed=1, why="because",
    )  # fmt: skip
    verdicts.record(settings, run_id, [outcome], stage="raw", relation="charges")


def _failed_run(instance: dg.DagsterInstance, error: Exception | None) -> None:
    @dg.op
    def raw_charges() -> None:
        if error:
            raise error

    @dg.job(name=JOB)
    def daily() -> None:
        raw_charges()

    daily.execute_in_process(instance=instance, raise_on_error=False)


def _said(settings: Settings) -> list[dict[str, str]]:
    return [json.loads(line) for line in (settings.notifications_dir / "log.jsonl").read_text("utf-8").splitlines()]


def test_every_channel_gets_a_closed_gate_once_and_again_only_after_it_was_open(
    tmp_path: Path, instance: dg.DagsterInstance, webhook: Any, mailbox: Any
) -> None:
    url, posted, _ = webhook
    port, mailed = mailbox
    settings = _settings(
        tmp_path, env="staging", postgres_url="postgresql://127.0.0.1/dagster",
        notify_webhook=url, notify_email="rota@example.org", smtp_host="127.0.0.1",
        smtp_port=port, smtp_user="ringfence", smtp_password=PASSWORD, smtp_sender="ringfence@example.org",
    )  # fmt: skip
    feeds = load_feeds(settings)
    _closed_gate(settings, "run-1")
    assert announce(settings, feeds, instance, NOW) == ["gate raw/charges is closed"]
    _closed_gate(settings, "run-2")  # the same cause at the next run
    assert announce(settings, feeds, instance, NOW) == []
    assert len(posted) == len(mailed) == len(_said(settings)) == 1
    assert posted[0]["text"].startswith("*Ringfence staging: gate raw/charges is closed*")
    assert "ringfence gates show raw/charges:volume_low@2026-01-03" in posted[0]["text"]
    assert mailed[0].rcpt_tos == ["rota@example.org"]
    assert b"Subject: Ringfence staging: gate raw/charges is closed" in mailed[0].content
    for text in (posted[0]["text"], mailed[0].content.decode(), json.dumps(_said(settings))):
        assert not [word for word in (NUMBER, "4711", SECRET_PATH, PASSWORD) if word in text]

    _closed_gate(settings, "run-3", passed=True)
    assert announce(settings, feeds, instance, NOW) == []
    _closed_gate(settings, "run-4")
    assert announce(settings, feeds, instance, NOW) == ["gate raw/charges is closed"]


def test_a_channel_that_fails_is_tried_again_alone_and_its_address_is_never_written(
    tmp_path: Path, instance: dg.DagsterInstance, webhook: Any, caplog: pytest.LogCaptureFixture
) -> None:
    url, posted, refusals = webhook
    refusals.append(503)
    settings = _settings(tmp_path, notify_webhook=url)
    _closed_gate(settings, "run-1")
    with caplog.at_level(logging.DEBUG):
        announce(settings, load_feeds(settings), instance, NOW)
        assert posted == []
        announce(settings, load_feeds(settings), instance, NOW)
    assert len(posted) == len(_said(settings)) == 1
    assert "Channel webhook failed with HTTPError" in caplog.text
    assert SECRET_PATH not in caplog.text
    assert SECRET_PATH not in repr(settings)
    assert not [
        path for path in settings.home.rglob("*") if path.is_file() and SECRET_PATH.encode() in path.read_bytes()
    ]


def test_a_password_is_told_to_a_mail_server_whose_certificate_is_trusted_and_to_no_other(
    tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with listening_mailbox(own := certificate(tmp_path)) as (port, mailed):
        settings = _settings(
            tmp_path, notify_email="rota@example.org", smtp_host="127.0.0.1", smtp_port=port, smtp_starttls=True,
            smtp_user="ringfence", smtp_password=PASSWORD,
        )  # fmt: skip
        _closed_gate(settings, "run-1")
        announce(settings, load_feeds(settings), instance, NOW)
        assert mailed == []
        assert "Channel email failed with SSLCertVerificationError" in caplog.text
        monkeypatch.setenv("SSL_CERT_FILE", str(own))
        announce(settings, load_feeds(settings), instance, NOW)
        assert len(mailed) == 1


@pytest.mark.parametrize(
    ("host", "starttls", "is_refused"),
    [("mail.example.org", False, True), ("192.0.2.1", False, True), ("mail.example.org", True, False),
     ("localhost", False, False), ("127.0.0.2", False, False), ("::1", False, False)],
)  # fmt: skip
def test_a_password_that_would_cross_the_network_in_clear_is_refused_with_the_settings(
    tmp_path: Path, host: str, starttls: bool, is_refused: bool
) -> None:
    said = {"smtp_host": host, "smtp_starttls": starttls, "smtp_user": "ringfence"}
    _settings(tmp_path, **said)  # nothing to tell
    if not is_refused:
        _settings(tmp_path, **said, smtp_password=PASSWORD)
        return
    with pytest.raises(ValidationError, match=f"to {host} in clear: set RINGFENCE_SMTP_STARTTLS") as refused:
        _settings(tmp_path, **said, smtp_password=PASSWORD)
    assert PASSWORD not in str(refused.value)


def test_attempts_that_fail_alike_are_one_cause_and_a_success_ends_it(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    settings = _settings(tmp_path)
    feeds = load_feeds(settings)
    for _ in range(3):
        _failed_run(instance, ValueError(f"{NUMBER} is wrong"))
        announce(settings, feeds, instance, NOW)
    (entry,) = _said(settings)
    assert entry["title"] == "Ringfence dev: a run failed"
    assert "raw_charges (ValueError)" in entry["text"]
    assert NUMBER not in entry["text"]
    _failed_run(instance, None)
    assert announce(settings, feeds, instance, NOW) == []
    _failed_run(instance, OSError())
    assert announce(settings, feeds, instance, NOW) == ["a run failed"]


def test_a_feed_is_late_when_its_contract_says_so(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    site = SmallSite(tmp_path, options={"latenessDays": 1})
    site.take_in(date(2026, 1, 3), datetime(2026, 1, 3, 21, tzinfo=UTC))
    settings, feeds = site.settings, {"charges": site.feed}
    for day, expected in ((5, []), (6, ["charges is late"]), (9, [])):  # on 5 January the 4th may still come
        assert announce(settings, feeds, instance, datetime(2026, 1, day, 3, tzinfo=UTC)) == expected
    assert "The newest delivery is for 2026-01-03" in _said(settings)[0]["text"]


def test_history_that_is_loaded_sends_no_alarm_and_a_feed_that_stops_afterwards_does(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    site = SmallSite(tmp_path, options={"latenessDays": 1})
    site.take_in(date(2026, 1, 3), datetime(2026, 6, 1, tzinfo=UTC))
    settings, feeds = site.settings, {"charges": site.feed}
    assert announce(settings, feeds, instance, datetime(2026, 6, 1, 1, tzinfo=UTC)) == []
    site.take_in(date(2026, 5, 31), datetime(2026, 6, 1, tzinfo=UTC))
    assert announce(settings, feeds, instance, datetime(2026, 6, 1, 1, tzinfo=UTC)) == []
    assert announce(settings, feeds, instance, datetime(2026, 6, 4, 1, tzinfo=UTC)) == ["charges is late"]


def test_an_open_fraud_case_above_the_threshold_is_told_of_without_saying_how_much(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    settings = _settings(tmp_path, notify_fraud_amount=1_000_000)
    _publish_cases(
        settings,
        [("2026-01-01", 5_000_000, True), ("2026-01-02", 600_000, True), ("2026-01-02", 5_000_000, False),
         ("2026-01-03", 1_000_000, True), ("2026-01-03", 2_000_000, True)],
    )  # fmt: skip
    assert announce(settings, {}, instance, NOW) == ["a fraud case above the threshold"]
    (entry,) = _said(settings)
    assert "2026-01-03" in entry["text"]
    assert "000" not in entry["text"]


def test_new_cells_on_the_block_list_are_named_and_numbers_are_not(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    settings = _settings(tmp_path, notify_fraud_amount=1_000_000)
    _publish_cases(settings, [], blocked=[
        ("CELL", "KTF1", "2026-01-03"), ("MERCHANT", "M2", "2026-01-03"), ("CELL", "LONG_KNOWN", "2025-12-01"),
        ("NUMBER", None, "2026-01-03"),
    ])  # fmt: skip
    assert announce(settings, {}, instance, NOW) == ["new on the block list"]
    (entry,) = _said(settings)
    assert "cell KTF1, merchant M2." in entry["text"]
    assert "LONG_KNOWN" not in entry["text"] and "number" not in entry["text"]


def _publish_cases(
    settings: Settings, cases: list[tuple[str, int, bool]], blocked: Sequence[tuple[str, str | None, str]] = ()
) -> None:
    folder = settings.serving_dir / "g1"
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "cases.duckdb")) as con:
        con.execute("create schema fraud")
        con.execute('create table fraud."case" (last_alerted_on date, amount bigint, is_open boolean)')
        con.execute("create table fraud.block_list (subject_kind varchar, subject_key varchar, since date)")
        if cases:
            con.executemany('insert into fraud."case" values ($1, $2, $3)', cases)
        if blocked:
            con.executemany("insert into fraud.block_list values ($1, $2, $3)", blocked)
    relations = [
        PublishedRelation(relation=name, door="restricted", rows=rows, checksum="", data_through=date(2026, 1, 3))
        for name, rows in (("fraud.case", len(cases)), ("fraud.block_list", len(blocked)))
    ]
    publication = Publication(
        generation="g1", run_id="run", git_commit=None, published_at=NOW, inputs="", relations=relations
    )
    (folder / PUBLICATION).write_text(publication.model_dump_json(), "utf-8")
    switch(settings, "g1")
