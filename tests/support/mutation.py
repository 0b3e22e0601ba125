"""Spoiling texts, gzip, Parquet, names and manifests at random, as transfers, spreadsheets and tired people do."""

from __future__ import annotations

import codecs
import gzip
import json
import os
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import duckdb

from orchestration.base.sql import identifier
from orchestration.ingest.names import spelled
from tests.support.small_site import HEADER, line

Mutation = Callable[[random.Random, bytes], bytes]


def _flip(rng: random.Random, data: bytes) -> bytes:
    found = bytearray(data or b"\n")
    for _ in range(rng.choice([1, 5, 50])):
        found[rng.randrange(len(found))] = rng.randrange(256)
    return bytes(found)


def _insert(piece: Callable[[random.Random], bytes]) -> Mutation:
    def mutate(rng: random.Random, data: bytes) -> bytes:
        for _ in range(rng.choice([1, 3])):
            place = rng.randrange(len(data))
            data = data[:place] + piece(rng) + data[place:]
        return data

    return mutate


def _cut_lines(rng: random.Random, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    return b"".join(one[: rng.randrange(len(one))] if rng.random() < 0.1 else one for one in lines) or b"\n"


def _swap_columns(rng: random.Random, data: bytes) -> bytes:
    rows = [one.split(b",") for one in data.splitlines()]
    order = rng.sample(range(len(rows[0])), len(rows[0]))
    start = rng.choice([0, 1])  # with or without the header
    return b"\n".join(
        b",".join(row[i] for i in order) if n >= start and len(row) == len(order) else b",".join(row)
        for n, row in enumerate(rows)
    )


def _mixed_encodings(rng: random.Random, data: bytes) -> bytes:
    half = data.rfind(b"\n", 0, len(data) // 2) + 1
    return data[:half] + data[half:].decode("utf-8", "ignore").encode(
        rng.choice(["cp949", "utf-16", "latin-1"]), "ignore"
    )


def _mixed_line_ends(rng: random.Random, data: bytes) -> bytes:
    return b"".join(one + rng.choice([b"\n", b"\r\n", b"\r", b"\n\n"]) for one in data.splitlines())


_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE)
MUTATIONS: dict[str, Mutation] = {
    "bytes flipped": _flip,
    "lines cut": _cut_lines,
    "quotes opened": _insert(lambda rng: b'"'),
    "delimiters added": _insert(lambda rng: b"," * rng.choice([1, 9])),
    "zero bytes": _insert(lambda rng: b"\0" * rng.choice([1, 100])),
    "huge fields": _insert(lambda rng: b"7" * rng.choice([70_000, 2_100_000])),
    "columns swapped": _swap_columns,
    "encodings mixed": _mixed_encodings,
    "line ends mixed": _mixed_line_ends,
    "truncated": lambda rng, data: data[: rng.randrange(len(data))],
    "empty": lambda rng, data: b"",
    "header only": lambda rng, data: HEADER.encode() * rng.choice([1, 2]),
    "no header": lambda rng, data: data.partition(b"\n")[2],
    "rows repeated": lambda rng, data: data + data[data.rfind(b"\n", 0, -20) + 1 :],
    "a mark in front": lambda rng, data: (
        rng.choice([b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\0\0"]) + data
    ),
    "another encoding": lambda rng, data: data.decode("utf-8", "ignore").encode(
        rng.choice(["utf-16", "utf-32-be", "utf-8-sig", "cp949", "utf-7"]), "ignore"
    ),
    "an end of its own": lambda rng, data: data + rng.choice([b"\x1a", b"\x1a" * 99, b"\0" * 512, b"\n\n\n", b"T|3\n"]),
    "a top of its own": lambda rng, data: rng.choice([b"sep=,\n", b"sep=;\n", b"\n\n", b"Charges\n", b'"\n']) + data,
    "CR alone": lambda rng, data: data.replace(b"\n", b"\r"),
    "no line end": lambda rng, data: data.rstrip(b"\n"),
    "untouched": lambda rng, data: data,
}


def sample(rng: random.Random) -> bytes:
    """A good extract, quoted or not, with values over several lines now and then."""
    notes = ["ok", "", "가입비", '"a, quoted ""one"""', '"over\ntwo lines"']
    rows = [line(n, note=rng.choice(notes)) for n in range(rng.choice([1, 8, 60]))]
    return (HEADER + "".join(rows)).encode()


def _text(rng: random.Random) -> tuple[bytes, str]:
    data, done = sample(rng), []
    for _ in range(rng.choice([1, 1, 2])):
        name = rng.choice(list(MUTATIONS))
        data = MUTATIONS[name](rng, data or b"\n")
        done.append(name)
    return data, ", ".join(done)


def _gzip(rng: random.Random) -> tuple[bytes, str]:
    """A text in gzip, with what a header and a trailer may hold, or may not."""
    text, done = _text(rng)
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(text) + packer.flush()
    flags = rng.choice([0, 0, 2, 4, 8, 16, 30, 255])
    head = b"\x1f\x8b\x08" + bytes([flags]) + rng.randbytes(6)
    if flags & 4:
        extra = rng.randbytes(rng.choice([0, 6, 300]))
        head += struct.pack("<H", len(extra)) + extra
    head += (b"charges.csv\0" if flags & 8 else b"") + (b"by billing\0" if flags & 16 else b"")
    head += struct.pack("<H", zlib.crc32(head) & 0xFFFF) if flags & 2 else b""
    member = head + packed + struct.pack("<II", zlib.crc32(text), len(text))
    behind = rng.choice([b"", b"", b"\0" * 512, b"\0", b"rubbish", gzip.compress(b""), gzip.compress(text), member[:9]])
    member += behind
    if rng.random() < 0.4:
        member = (_flip if rng.random() < 0.5 else MUTATIONS["truncated"])(rng, member)
        done += ", gzip spoilt"
    return member, f"{done}; gzip flags {flags}, {len(behind)} bytes behind"


#: By column, how a typed file may hold it: as it should be, or as nobody would believe.
_CELLS = {
    "charge_id": ["'C' || i", "i", "encode('C' || i)", "[i]", "{'a': i}", "uuid()", "'\x07' || i"],
    "msisdn": ["'0101234' || lpad((i % 10000)::varchar, 4, '0')", "1012340000 + i", "8.21e11 + i", "null::varchar"],
    "amount": [
        "i", "i::double", "i::decimal(38,10)", "(i % 100)::tinyint", "i::hugeint", "'nan'::double",
        "'-infinity'::float", "i + 0.5", "repeat('9', 40)", "true", "interval (i) day", "map {'a': i}", "null::integer",
        "18446744073709551615::ubigint",
    ],
    "is_paid": ["true", "'Y'", "1", "null", "'Y'::enum_of_flags"],
    "note": ["'ok'", "null::varchar", "encode('가입비')", "'\\xEA\\xB0'::blob", "[['x']]", "repeat('x', 100000)"],
    "charged_on": [
        "date '2026-01-03'", "timestamp '2026-01-03'", "20260103", "'2026-01-03'", "'infinity'::date",
        "date '0001-01-01'", "time '09:00'", "timestamp_ns '2026-01-03 00:00:00.987654321'",
    ],
    "charged_at": [
        "timestamp '2026-01-03 09:00:00'", "timestamptz '2026-01-03 00:00:00.5Z'", "1767398400",
        "'2026-01-03 09:00:00'", "'-infinity'::timestamp", "timestamp '290000-01-01'", "timetz '09:00:00+09'",
        "timestamp_s '2026-01-03 09:00:00'",
    ],
}  # fmt: skip


def _typed(con: duckdb.DuckDBPyConnection, rng: random.Random, path: Path) -> str:
    """Write a typed file in which a column or two are held in an unusual way, or named in one."""
    chosen = {name: spellings[0] for name, spellings in _CELLS.items()}
    for name in rng.sample(list(_CELLS), rng.choice([0, 1, 1, 2])):
        chosen[name] = rng.choice(_CELLS[name])
    headers = {name: name for name in _CELLS}
    if rng.random() < 0.1:
        name = rng.choice(list(_CELLS))
        headers[name] = rng.choice([name.upper(), f" {name}", f'a"{name}', "amount", "\u200b", "x" * 300])
    cells = ", ".join(f"{sql} as {identifier(headers[name])}" for name, sql in chosen.items())
    codec = rng.choice(["snappy", "zstd", "gzip", "uncompressed"])
    rows = rng.choice([0, 1, 8, 300])
    con.execute(f"copy (select {cells} from range({rows}) as t(i)) to '{path}' (format parquet, compression {codec})")
    return f"Parquet {codec}: {cells}"


def _spoil_parquet(rng: random.Random, data: bytes) -> tuple[bytes, str]:
    """The same with a byte, its footer, the footer's length, its magic or its end spoilt."""
    footer = int.from_bytes(data[-8:-4], "little")
    spoils: dict[str, Callable[[], bytes]] = {
        "untouched": lambda: data,
        "bytes flipped": lambda: _flip(rng, data),
        "footer flipped": lambda: data[: -8 - footer] + _flip(rng, data[-8 - footer : -8]) + data[-8:],
        "pages flipped": lambda: data[:4] + _flip(rng, data[4 : -8 - footer]) + data[-8 - footer :],
        "length changed": lambda: (
            data[:-8] + struct.pack("<I", rng.choice([0, 1, footer - 1, 2**31, 2**32 - 1])) + data[-4:]
        ),
        "magic changed": lambda: data[:-4] + rng.choice([b"PARE", b"PAR2", b"\0\0\0\0"]),
        "truncated": lambda: data[: rng.randrange(len(data))],
        "padded": lambda: data + b"\0" * 512,
        "twice": lambda: data + data,
        "a footer alone": lambda: b"PAR1" + data[-8 - footer :],
    }
    name = rng.choice(list(spoils))
    return spoils[name](), name


def _name(rng: random.Random, suffix: str) -> bytes:
    """The name of a file: as it should be, or in other bytes, hidden, partial, or nothing that a shell likes."""
    stems = [
        b"charges", b"charges", "청구".encode("cp949"), "청구".encode(), "\u1112\u1161\u11ab".encode(), b"a\nb",
        b"[1] *?", b"x" * 230, b"-rf {} $1 `'\"", b"\xff\xfe\x80", "ça".encode("cp1252"),
        rng.randbytes(9).translate(None, b"/\0"), b"._charges", b".in.charges", b"~$charges",
    ]  # fmt: skip
    ending = suffix.encode()
    endings = [ending, ending, ending, ending.upper(), ending + b".filepart", ending + b".tmp", b".txt"]
    return rng.choice(stems) + rng.choice(endings)


def _manifest(rng: random.Random, name: str) -> bytes:
    """A manifest that may be true, or may say anything, in any bytes."""
    entry = {
        "name": name, "rows": rng.choice([None, 1, 8, 60, -1, 10**30, "many", [1]]),
        "sha256": rng.choice([None, None, "00", "G" * 64]),
        "control_totals": rng.choice([{}, {"amount": 1}, {"amount": 1e999}, {"msisdn": 1}, {"01012345678": 1}]),
    }  # fmt: skip
    moments = [
        None,
        "2026-01-04T05:40:00+09:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        "soon",
        1e18,
    ]
    text = json.dumps({"delivered_at": rng.choice(moments), "files": [entry]}).encode()
    return rng.choice([text, text, b"\xef\xbb\xbf" + text, _flip(rng, text), text[:-9], b"[" * 100_000, b""])


def spoil(con: duckdb.DuckDBPyConnection, rng: random.Random, folder: Path) -> str:
    """Write one spoilt delivery and say what was done to it."""
    kind = rng.random()
    if kind < 0.02:
        (folder / "charges.csv").mkdir()
        return "a folder"
    if kind < 0.3:
        path = folder / "charges.parquet"
        done = _typed(con, rng, path)
        data, how = _spoil_parquet(rng, path.read_bytes())
        path.unlink()
        suffix, done = ".parquet", f"{how}: {done}"
    elif kind < 0.5:
        suffix, (data, done) = ".csv.gz", _gzip(rng)
    else:
        suffix, (data, done) = ".csv", _text(rng)
    name = os.fsdecode(_name(rng, suffix) if rng.random() < 0.3 else b"charges" + suffix.encode())
    (folder / name).write_bytes(data)
    if rng.random() < 0.1:
        (folder / "_manifest.json").write_bytes(_manifest(rng, spelled(name)))
    if rng.random() < 0.1:
        (folder / "beside.csv").write_text(HEADER + line(1001), "utf-8")
    return f"{name!r}: {done}"
