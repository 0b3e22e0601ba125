"""Servers that extracts come from, for the length of a test: S3's, Google's, Azure's and an SSH server."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@contextmanager
def s3_server(environment: dict[str, str]) -> Iterator[str]:
    """The address of an S3 server; `environment` gets what a client reads of its environment."""
    import logging

    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    environment |= {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "access",
        "AWS_SECRET_ACCESS_KEY": "the-secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextmanager
def google_server(environment: dict[str, str]) -> Iterator[None]:
    """Google's storage, emulated, with a bucket `exports`."""
    from gcp_storage_emulator.server import create_server

    port = _free_port()
    server = create_server("localhost", port, in_memory=True, default_bucket="exports")
    server.start()
    environment |= {
        "STORAGE_EMULATOR_HOST": f"http://localhost:{port}",
        "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",  # it asks by gRPC, which nobody answers
    }
    try:
        yield
    finally:
        server.stop()


@contextmanager
def azure_server(environment: dict[str, str], command: str, folder: Path) -> Iterator[None]:
    """Azure's storage by its own emulator, Azurite; the account and its key are those of every emulator."""
    port = _free_port()
    arguments = ["--blobPort", str(port), "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"]
    environment["AZURE_STORAGE_CONNECTION_STRING"] = (
        "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6"
        f"IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;BlobEndpoint=http://127.0.0.1:{port}/devstoreaccount1;"
    )
    with subprocess.Popen([command, *arguments], cwd=folder, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        next(said for said in server.stdout if "successfully listens" in said)
        try:
            yield
        finally:
            server.terminate()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass(frozen=True)
class SshServer:
    """Where it listens, and what a client that believes it has in `known_hosts`."""

    port: int
    known_hosts: Path


@contextmanager
def sftp_server(root: Path, folder: Path, password: str) -> Iterator[SshServer]:
    """An SSH server that offers `folder`, to the user `clearing` with the password."""
    import asyncssh

    class Login(asyncssh.SSHServer):
        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, given: str) -> bool:
            return (username, given) == ("clearing", password)

    key = asyncssh.generate_private_key("ssh-ed25519")
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def listen() -> asyncssh.SSHAcceptor:
        return await asyncssh.create_server(
            Login, "127.0.0.1", 0, server_host_keys=[key], allow_scp=False,
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(folder)),
        )  # fmt: skip

    acceptor = asyncio.run_coroutine_threadsafe(listen(), loop).result()
    port = acceptor.get_port()
    known = root / "known_hosts"
    known.write_text(f"[127.0.0.1]:{port} {key.export_public_key().decode()}", "utf-8")
    try:
        yield SshServer(port, known)
    finally:
        loop.call_soon_threadsafe(acceptor.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
