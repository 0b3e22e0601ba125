"""Spoiling extracts at random, as transfers, spreadsheets and tired people do."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable
from pathlib import Path

from tests.support.small_site import HEADER, SmallSite, is_conserved, line

Mutation = Callable[[random.Random, bytes], bytes]


def _flip(rng: random.Random, data: bytes) -> bytes:
    found = bytearray(data)
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
    "no header": lambda rng, data: data.split(b"\n", 1)[1],
    "rows repeated": lambda rng, data: data + data[data.rfind(b"\n", 0, -20) + 1 :],
    "untouched": lambda rng, data: data,
}


def sample(rng: random.Random) -> bytes:
    """A good extract, quoted or not, with values over several lines now and then."""
    notes = ["ok", "", "가입비", '"a, quoted ""one"""', '"over\ntwo lines"']
    rows = [line(n, note=rng.choice(notes)) for n in range(rng.choice([1, 8, 60]))]
    return (HEADER + "".join(rows)).encode()


def spoil(rng: random.Random, site: SmallSite, day_folder: Path) -> str:
    """Write one spoilt delivery and say what was done to it."""
    data, done = sample(rng), []
    for _ in range(rng.choice([1, 1, 2])):
        name = rng.choice(list(MUTATIONS))
        data = MUTATIONS[name](rng, data or b"\n")
        done.append(name)
    kind = rng.random()
    if kind < 0.03:
        (day_folder / "charges.csv").mkdir()
        return "a folder"
    if kind < 0.25:
        packed = gzip.compress(data)
        if rng.random() < 0.5:
            packed = (_flip if rng.random() < 0.5 else MUTATIONS["truncated"])(rng, packed)
            done.append("gzip spoilt")
        (day_folder / "charges.csv.gz").write_bytes(packed)
    else:
        (day_folder / "charges.csv").write_bytes(data)
    return ", ".join(done)


def check(site: SmallSite, receipts: list, spoilt: dict) -> None:  # type: ignore[type-arg]
    """Each delivery is taken with every record accounted for, or refused with a reason that quotes no data."""
    for receipt in receipts:
        what = spoilt[receipt.dt]
        if receipt.refusal:
            assert "1234" not in receipt.refusal, (what, receipt.refusal)
            assert receipt.rows_read == 0, what
        else:
            assert is_conserved(receipt), what
            assert len(site.rows(receipt)) == receipt.rows_accepted, what
            assert len(site.bad_rows(receipt.dt)) == receipt.rows_quarantined, what
