"""Real receivers of messages on loopback: a webhook, and a mail server that wants a password."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

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


def certificate(folder: Path) -> Path:
    """A file with a key and its own certificate for 127.0.0.1, in which nobody but who is told to trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    spelled = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = folder / "mail.pem"
    path.write_bytes(spelled + made.public_bytes(Encoding.PEM))
    return path


@contextmanager
def listening_mailbox(encrypts_with: Path | None = None) -> Iterator[tuple[int, list[Any]]]:
    """A mail server that wants a password, and encryption before it if it has a certificate: its port, what it got."""
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
    context = None
    if encrypts_with:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(encrypts_with)
    controller = Controller(
        Handler(), hostname="127.0.0.1", port=port, authenticator=check, auth_required=True,
        auth_require_tls=context is not None, require_starttls=context is not None, tls_context=context,
    )  # fmt: skip
    controller.start()
    yield port, got
    controller.stop()
