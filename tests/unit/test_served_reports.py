"""Pages over HTTP: the reports, on loopback, and nothing else, asked of a real server."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.base.settings import Settings
from orchestration.reporting.served import reports_server

Answer = tuple[int, str]


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    settings = Settings(home=tmp_path)
    reports = settings.reports_dir
    reports.mkdir(parents=True)
    for name in ("2026-01-03.html", "2026-01-13.html", "gates.html", "notes.html", "2026-01-03.csv"):
        (reports / name).write_text(f"this is {name}")
    (reports / "2026-01-14.html").symlink_to(tmp_path / "pseudonym.key")
    (tmp_path / "pseudonym.key").write_text("a secret")
    (tmp_path / "glossary.html").write_text("outside")
    with reports_server(settings, 0) as server:
        assert server.server_address[0] == "127.0.0.1"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def ask(port: int, path: str, *, method: str = "GET", host: str = "localhost") -> Answer:
    """What the server says to a path as it is written, which no client has tidied up."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.putrequest(method, path, skip_host=True)
    connection.putheader("Host", f"{host}:{port}")
    connection.endheaders()
    response = connection.getresponse()
    found = response.status, response.read().decode()
    connection.close()
    return found


def test_the_list_names_the_pages_there_are_the_newest_first_and_nothing_else(port: int) -> None:
    status, text = ask(port, "/")
    assert status == 200
    assert text.index("2026-01-13.html") < text.index("2026-01-03.html") < text.index("gates.html")
    assert not [name for name in ("notes", "csv", "pseudonym") if name in text]


def test_a_page_is_served_as_it_was_written(port: int) -> None:
    assert ask(port, "/2026-01-03.html") == (200, "this is 2026-01-03.html")
    assert ask(port, "/gates.html?run=1#raw.payments") == (200, "this is gates.html")
    assert ask(port, "/2026-01-03.html", method="HEAD") == (200, "")


@pytest.mark.parametrize(
    "path",
    [
        "/../pseudonym.key", "/..%2fpseudonym.key", "/%2e%2e/pseudonym.key", "//etc/passwd", "/../glossary.html",
        "/2026-01-03.html/../../pseudonym.key", "/..\\glossary.html", "/2026-01-03.csv", "/notes.html",
        "/2026-01-03.html%00.csv", "/2026-01-14.html", "/glossary.html", "/.", "/2026-01-03.html/",
    ],
)  # fmt: skip
def test_nothing_else_is_served_whatever_the_path_climbs_to(port: int, path: str) -> None:
    assert ask(port, path) == (404, "There is no such page.")


def test_a_page_from_elsewhere_that_takes_this_machine_for_its_own_reads_nothing(port: int) -> None:
    assert ask(port, "/2026-01-03.html", host="evil.example")[0] == 404
    assert ask(port, "/2026-01-03.html", method="POST")[0] == 501
