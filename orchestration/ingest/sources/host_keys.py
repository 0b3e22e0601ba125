"""Which SSH servers are believed to be who they say they are."""

from __future__ import annotations

from pathlib import Path

import paramiko


def known_hosts_only(file: Path | None) -> paramiko.MissingHostKeyPolicy:
    """A policy that takes a server's key if it stands in a file of known hosts: the user's, unless another is named."""
    return _KnownHostsOnly(file or Path.home() / ".ssh" / "known_hosts")


class _KnownHostsOnly(paramiko.MissingHostKeyPolicy):  # type: ignore[misc]
    def __init__(self, file: Path) -> None:
        self._file = file

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        known = paramiko.HostKeys(str(self._file)) if self._file.exists() else paramiko.HostKeys()
        if not known.check(hostname, key):
            raise paramiko.SSHException(f"the host {hostname} is not in {self._file} with what it shows")
