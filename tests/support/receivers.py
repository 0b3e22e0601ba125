"""Real receivers of messages on loopback: a webhook, and a mail server that wants a password."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

SECRET_PATH = "/services/very-secret-token"
PASSWORD = "a password for tests"


@contextmanager
def listening_webhook() -> Iterator[tuple[str, list[dict[str, Any]], list[int]]]:
    """A receiver: its address, what it got, and the answers that it still owes before it accepts anything."""
    got: list[dict[str, Any]] = []
    refusals: list[int] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = refusals.pop() if refusals else 200
            if status == 200:
                assert self.path == SECRET_PATH
                got.append(json.loads(body))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}{SECRET_PATH}", got, refusals
        server.shutdown()


@contextmanager
def listening_mailbox() -> Iterator[tuple[int, list[Any]]]:
    """A mail server that wants a password: its port and what it got."""
    got: list[Any] = []

    class Handler:
        async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:
            got.append(envelope)
            return "250 OK"

    def check(server: object, session: object, envelope: object, mechanism: str, data: LoginPassword) -> AuthResult:
        return AuthResult(success=data.password == PASSWORD.encode())

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(
        Handler(), hostname="127.0.0.1", port=port, authenticator=check, auth_required=True, auth_require_tls=False
    )
    controller.start()
    yield port, got
    controller.stop()
