"""The report arrives at real receivers, with its picture, once per day and channel; secrets stay secret."""

from __future__ import annotations

import email
import email.policy
import logging
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from matplotlib.axes import Axes

from orchestration.automation import report_delivery
from orchestration.automation.report_delivery import NobodyToSendToError, deliver_report, send_report
from orchestration.base.settings import Settings
from orchestration.contracts import Feed
from orchestration.reporting.morning import MorningReport
from orchestration.serving.generations import PUBLICATION, Publication, PublishedRelation, rollback, switch
from tests.support.receivers import PASSWORD, SECRET_PATH

MORNING = datetime(2026, 1, 13, 22, tzinfo=UTC)  # 07:00 in Seoul, on the 14th
PNG = b"\x89PNG"


def _settings(root: Path, **more: Any) -> Settings:
    return Settings(home=root / "home", pseudonym_key="k" * 40, **more)


def _mailing(root: Path, port: int, **more: Any) -> Settings:
    return _settings(
        root, env="staging", postgres_url="postgresql://127.0.0.1/dagster",
        report_email="cfo@example.org, desk@example.org",
        smtp_host="127.0.0.1", smtp_port=port, smtp_user="ringfence", smtp_password=PASSWORD, **more,
    )  # fmt: skip


def _report(settings: Settings, day: date = date(2026, 1, 13)) -> MorningReport:
    def draw(axes: Axes) -> str:
        axes.bar([1, 2], [3, 4])
        return "Departures"

    settings.reports_dir.mkdir(parents=True, exist_ok=True)
    path = settings.reports_dir / f"{day}.html"
    path.write_text("<!doctype html><p>the whole page</p>")
    return MorningReport(path, day, "312,902 lines left KT.\n\nFraud\nOpen cases: 74 & more", draw)


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Publishes a day; its page is a made-up one."""

    def write(settings: Settings, feeds: Mapping[str, Feed]) -> MorningReport:
        return _report(settings)

    def publish(settings: Settings, day: date) -> None:
        folder = settings.serving_dir / f"g{day}"
        folder.mkdir(parents=True)
        relation = PublishedRelation(relation="churn.x", door="open", rows=1, checksum="", data_through=day)
        publication = Publication(
            generation=folder.name, run_id="r", git_commit=None, published_at=MORNING, inputs="", relations=[relation]
        )
        (folder / PUBLICATION).write_text(publication.model_dump_json(), "utf-8")
        switch(settings, folder.name)

    monkeypatch.setattr(report_delivery, "write_morning_report", write)
    return publish


def test_the_mail_has_a_text_the_picture_and_the_whole_page(tmp_path: Path, mailbox: Any) -> None:
    port, mailed = mailbox
    settings = _mailing(tmp_path, port)
    assert send_report(settings, _report(settings)) == {"email": True}
    assert mailed[0].rcpt_tos == ["cfo@example.org", "desk@example.org"]
    message = email.message_from_bytes(mailed[0].content, policy=email.policy.default)
    assert message["Subject"] == "Ringfence staging: morning report of 2026-01-13"
    parts = {part.get_content_type(): part for part in message.walk() if not part.is_multipart()}
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None and html is not None
    assert "312,902 lines left KT." in plain.get_content()
    assert "74 &amp; more" in html.get_content() and "cid:exodus" in html.get_content()
    assert parts["image/png"]["Content-ID"] == "<exodus>"
    assert parts["image/png"].get_content().startswith(PNG)
    (page,) = list(message.iter_attachments())
    assert page.get_filename() == "2026-01-13.html"
    assert "the whole page" in page.get_content()


def test_a_webhook_gets_a_text_or_a_card_with_the_picture_in_it(tmp_path: Path, webhook: Any) -> None:
    url, posted, _ = webhook
    slack = _settings(tmp_path, report_webhook=url)
    teams = _settings(
        tmp_path, report_webhook=url, report_webhook_format="teams", reports_url="https://bi.example.org/r"
    )
    assert send_report(slack, _report(slack)) == send_report(teams, _report(teams)) == {"webhook": True}
    assert posted[0]["text"].startswith("*morning report of 2026-01-13*\n312,902 lines left KT.")
    assert "http" not in posted[0]["text"]  # a page on loopback is nobody else's
    body = posted[1]["attachments"][0]["content"]["body"]
    (picture,) = [block["url"] for block in body if block["type"] == "Image"]
    assert picture.startswith("data:image/png;base64,iVBORw0KGgo")
    assert body[-1]["text"] == "https://bi.example.org/r/2026-01-13.html"


def test_a_day_is_sent_once_to_each_channel_and_the_next_day_again(
    tmp_path: Path, published: Any, mailbox: Any, webhook: Any
) -> None:
    (port, mailed), (url, posted, refusals) = mailbox, webhook
    settings = _mailing(tmp_path, port, report_webhook=url)
    assert deliver_report(settings, {}, MORNING) == []  # nothing is published yet
    published(settings, date(2026, 1, 13))
    refusals.append(503)
    assert deliver_report(settings, {}, MORNING) == ["email"]
    assert deliver_report(settings, {}, MORNING) == ["webhook"]
    assert deliver_report(settings, {}, MORNING) == []
    published(settings, date(2026, 1, 14))
    assert deliver_report(settings, {}, MORNING) == ["email", "webhook"]
    assert (len(mailed), len(posted)) == (2, 2)


def test_a_day_that_readers_are_pointed_back_to_is_not_sent_again_nor_the_next_one_when_they_see_it_anew(
    tmp_path: Path, published: Any, webhook: Any
) -> None:
    url, posted, _ = webhook
    settings = _settings(tmp_path, report_webhook=url)
    for day in (date(2026, 1, 12), date(2026, 1, 13)):
        published(settings, day)
        assert deliver_report(settings, {}, MORNING) == ["webhook"]
    rollback(settings)
    assert deliver_report(settings, {}, MORNING) == []
    switch(settings, "g2026-01-13")
    assert deliver_report(settings, {}, MORNING) == []
    assert len(posted) == 2


def test_before_its_hour_nothing_is_sent(tmp_path: Path, published: Any, webhook: Any) -> None:
    url, posted, _ = webhook
    settings = _settings(tmp_path, report_webhook=url, report_at="07:30")
    published(settings, date(2026, 1, 13))
    assert deliver_report(settings, {}, MORNING) == []
    assert deliver_report(settings, {}, MORNING.replace(minute=30)) == ["webhook"]
    assert len(posted) == 1


def test_a_channel_that_fails_says_so_by_its_kind_and_its_address_is_never_written(
    tmp_path: Path, webhook: Any, caplog: pytest.LogCaptureFixture
) -> None:
    url, _, refusals = webhook
    refusals.append(503)
    settings = _settings(tmp_path, report_webhook=url)
    with caplog.at_level(logging.DEBUG):
        assert send_report(settings, _report(settings)) == {"webhook": False}
    assert "channel webhook failed with HTTPError" in caplog.text
    assert SECRET_PATH not in caplog.text + repr(settings)


def test_without_a_channel_there_is_nobody_to_send_to(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    with pytest.raises(NobodyToSendToError, match="RINGFENCE_REPORT_EMAIL"):
        send_report(settings, _report(settings))
