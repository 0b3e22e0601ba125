"""What a source has for a day: files of a store, or the rows of a query, with an identity that tells a correction.

Credentials come from the environment alone: from what the library of a store reads of it, and from the variables that
the source's `secrets` name. No message shows an address with a password, nor what a library says of one.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import PurePosixPath
from typing import IO, Any, Protocol

from orchestration.base.refusal import Refusal
from orchestration.base.site_profile import Source

#: Which extra brings the library of a protocol.
_EXTRAS = {"s3": "s3", "gs": "gcs", "az": "azure", "abfs": "azure", "sftp": "sftp"}
_ROWS_AT_ONCE = 50_000
_BYTES_AT_ONCE = 4 << 20
_LONGEST_SAID = 300
_STAMPS = ("LastModified", "last_modified", "updated", "mtime", "created")
_MARKS = ("ETag", "etag", "md5Hash", "content_md5")


class SourceError(Refusal):
    """A source that cannot be reached, or does not give what it listed; the message names the feed and no secret."""


@dataclass(frozen=True)
class Offer:
    """One file that a source has: its name in landing, and what changes when its content does."""

    name: str
    identity: str
    size: int | None = None
    modified_at: datetime | None = None
    path: str = ""


class Reader(Protocol):
    """A way into a source."""

    def offers(self, dt: date) -> list[Offer]:
        """What it has for a day, by name."""

    def write(self, offer: Offer, dt: date, target: IO[bytes], begun: int) -> None:
        """Write a file's bytes behind those that a killed fetch has `begun` with; none if there are none yet."""


def secret(name: str, feed: str) -> str:
    """A credential from the environment.

    Raises:
        SourceError: if the variable is not set.
    """
    if value := os.environ.get(name):
        return value
    raise SourceError(f"{feed}: the environment has no {name}, which [landing.{feed}] of site.toml names.")


class Store:
    """Files of an object store, an SFTP server or a folder, through fsspec."""

    def __init__(self, feed: str, source: Source) -> None:
        self._feed, self._url = feed, str(source.url)
        protocol = self._url.partition("://")[0]
        options: dict[str, Any] = {name: secret(variable, feed) for name, variable in source.secrets.items()}
        try:
            import fsspec

            if protocol == "sftp":
                from orchestration.ingest.sources.host_keys import known_hosts_only

                options["host_key_policy"] = known_hosts_only(source.known_hosts)
            self._fs, _ = fsspec.core.url_to_fs(self._url, skip_instance_cache=True, **options)
        except ImportError:
            raise SourceError(f"{feed}: {protocol}:// needs ringfence[{_EXTRAS.get(protocol, protocol)}].") from None
        except Exception as error:
            raise _unreached(feed, error) from None

    def offers(self, dt: date) -> list[Offer]:
        pattern = self._fs._strip_protocol(self._url.format(dt=dt))
        try:
            self._fs.invalidate_cache()
            found = self._fs.glob(pattern, detail=True)
        except FileNotFoundError:
            return []
        except Exception as error:
            raise _unreached(self._feed, error) from None
        files = [_offer(path, info) for path, info in sorted(found.items()) if info.get("type") == "file"]
        if len({one.name for one in files}) < len(files):
            raise SourceError(
                f"{self._feed}: two files of {dt} have the same name; [landing.{self._feed}] must tell them."
            )
        return files

    def write(self, offer: Offer, dt: date, target: IO[bytes], begun: int) -> None:
        for block in self._read(offer, begun):
            target.write(block)

    def _read(self, offer: Offer, begun: int) -> Iterator[bytes]:
        """A file's bytes, some at a time: what goes wrong in here is the source's, and the writing is not in here."""
        try:
            with self._fs.open(offer.path, "rb") as file:
                file.seek(begun)
                while block := file.read(_BYTES_AT_ONCE):
                    yield block
        except Exception as error:
            raise _unreached(self._feed, error) from None


class Query:
    """The rows of a query against a database, through SQLAlchemy, as a Parquet file of texts.

    A query says nothing of when its rows changed: a day's is asked until it has any, and then not again.
    """

    def __init__(self, feed: str, source: Source) -> None:
        self._feed, self._query = feed, str(source.query)
        self._address = secret(str(source.database), feed)

    def offers(self, dt: date) -> list[Offer]:
        return [Offer("rows.parquet", self._query)]

    def write(self, offer: Offer, dt: date, target: IO[bytes], begun: int) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        target.seek(0)
        target.truncate()
        writer: pq.ParquetWriter | None = None
        for rows in self._read(dt):
            schema = pa.schema([(name, pa.string()) for name in rows])  # a block may have nothing in a column
            writer = writer or pq.ParquetWriter(target, schema, compression="zstd")
            writer.write_table(pa.table(rows, schema))
        if writer:
            writer.close()

    def _read(self, dt: date) -> Iterator[Mapping[str, list[str | None]]]:
        """The rows, some at a time, as text: what a database gives is spelled as ISO and SQL do."""
        from sqlalchemy import NullPool, create_engine, text

        try:
            engine = create_engine(self._address, poolclass=NullPool)
            with engine.connect().execution_options(stream_results=True, yield_per=_ROWS_AT_ONCE) as con:
                result = con.execute(text(self._query), {"dt": dt})
                names = list(result.keys())
                if twice := next((name for name, count in Counter(names).items() if count > 1), None):
                    raise SourceError(f"{self._feed}: its query has two columns of the name {twice!r}.")
                for rows in result.partitions():
                    yield {name: [_text(row[at]) for row in rows] for at, name in enumerate(names)}
        except Exception as error:
            raise _unreached(self._feed, error) from None


def reader(feed: str, source: Source) -> Reader:
    """The way into a source."""
    return Query(feed, source) if source.query else Store(feed, source)


def _offer(path: str, info: Mapping[str, Any]) -> Offer:
    modified = next((info[name] for name in _STAMPS if info.get(name) is not None), None)
    if isinstance(modified, int | float):
        modified = datetime.fromtimestamp(modified, UTC)
    mark = next((str(info[name]) for name in _MARKS if info.get(name)), "")
    at = modified if isinstance(modified, datetime) else None
    identity = f"{info['size']} {mark or (at.isoformat() if at else modified)}"
    return Offer(PurePosixPath(path).name, identity, int(info["size"]), at, path)


def _text(value: Any) -> str | None:
    """A value of a database as text: instants with their offset, amounts without an exponent, bytes as they stand."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes | memoryview):
        return bytes(value).decode("utf-8", "backslashreplace")
    return format(value, "f") if type(value).__name__ == "Decimal" else str(value)


def _unreached(feed: str, error: Exception) -> SourceError:
    """What a library says, without anything that looks like a credential, or only of what kind it is."""
    if isinstance(error, SourceError):
        return error
    if isinstance(error, ModuleNotFoundError):
        return SourceError(f"{feed}: {error.name} is not installed, which its source is read by.")
    said = str(error).strip().partition("\n")[0]
    if re.search(r"://|password|secret|token|key", said, re.IGNORECASE) or len(said) > _LONGEST_SAID:
        said = ""
    return SourceError(f"{feed}: its source cannot be read: {type(error).__name__}{f': {said}' if said else ''}")
