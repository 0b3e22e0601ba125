"""The pages of the reports over HTTP, on loopback: browsers refuse links to files.

Nothing else is served: a name is one of the pages that the reports write, or it is not found. Only a browser on this
machine may ask, and only under this machine's own name, so that no page from elsewhere can read along.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from orchestration.base.settings import Settings
from orchestration.reporting.pages import environment

_PAGE = re.compile(r"/((?:\d{4}-\d{2}-\d{2}|gates|glossary|reconciliation)\.html)")
_LOOPBACK = "127.0.0.1"
_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def reports_server(settings: Settings, port: int) -> ThreadingHTTPServer:
    """A server on loopback that is ready to serve; port 0 is any free one.

    Raises:
        OSError: if the port is taken.
    """

    class Pages(BaseHTTPRequestHandler):
        """One request for a page."""

        server_version, sys_version = "ringfence", ""

        def do_GET(self) -> None:
            body = _page(settings, self.path) if self._is_for_us() else None
            status = HTTPStatus.OK if body is not None else HTTPStatus.NOT_FOUND
            content = body if body is not None else b"There is no such page."
            self.send_response(status)
            for name, value in _HEADERS.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        do_HEAD = do_GET

        def _is_for_us(self) -> bool:
            """A name that a page from elsewhere made point to this machine is not ours."""
            return urlsplit(f"//{self.headers.get('Host', '')}").hostname in (_LOOPBACK, "localhost")

        def log_message(self, *_: object) -> None:
            """Who looks at what is not written down."""

    return ThreadingHTTPServer((_LOOPBACK, port), Pages)


def _page(settings: Settings, path: str) -> bytes | None:
    """A page, or the list of those that there are; None for anything else."""
    asked = unquote(urlsplit(path).path)
    if asked == "/":
        return environment(settings).get_template("reports.html").render(names=list(_names(settings))).encode()
    found = _PAGE.fullmatch(asked)
    file = settings.reports_dir / found[1] if found else None
    return file.read_bytes() if file and file.is_file() and not file.is_symlink() else None


def _names(settings: Settings) -> Iterator[str]:
    """Pages that there are, the newest day first."""
    found = {path.name for path in settings.reports_dir.glob("*.html") if _PAGE.fullmatch(f"/{path.name}")}
    yield from sorted(found, key=lambda name: (name[0].isdigit(), name), reverse=True)
