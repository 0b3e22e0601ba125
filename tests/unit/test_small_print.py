"""The small print of text files: what stands around a table, how it is packed and marked, and whether it was cut."""

from __future__ import annotations

import gzip
import hashlib
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from orchestration.base.settings import PROJECT
from orchestration.base.sql import connect
from orchestration.contracts import load_feed
from orchestration.gates.gate import check_relation
from orchestration.gates.suites import load_suite
from orchestration.ingest import Receipt, ingest
from orchestration.ingest.profile import create_delivery_profile
from tests.support.small_site import DAY, HEADER, SmallSite, is_conserved, line

GOOD = HEADER + line(1) + line(2)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallSite:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    return SmallSite(tmp_path)


def _taken(site: SmallSite) -> Receipt:
    """The receipt of a delivery that was taken whole, without a row in quarantine."""
    receipt = site.ingest()
    assert (receipt.refusal, receipt.rows_quarantined) == (None, 0)
    assert is_conserved(receipt)
    return receipt


def _member(text: bytes, flags: int = 0, between: bytes = b"") -> bytes:
    """A gzip member whose header has what these flags promise."""
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(text) + packer.flush()
    header = b"\x1f\x8b\x08" + bytes([flags]) + b"\0\0\0\0\x02\xff" + between
    return header + packed + struct.pack("<II", zlib.crc32(text), len(text) & 0xFFFFFFFF)


def _with_header_crc(text: bytes) -> bytes:
    head = b"\x1f\x8b\x08\x02\0\0\0\0\x02\xff"
    return _member(text, 2, struct.pack("<H", zlib.crc32(head) & 0xFFFF))


@pytest.mark.parametrize(
    "pack",
    [
        lambda text: _member(text) + b"\0" * 512,
        lambda text: _member(text, 16, b"exported by billing\0"),
        lambda text: _member(text, 8, "청구.csv".encode("cp949") + b"\0"),
        lambda text: _member(text, 4, struct.pack("<H", 6) + b"RA\x02\0xy"),
        _with_header_crc,
        lambda text: _member(text[:70]) + _member(text[70:]),
        lambda text: _member(text[:70]) + b"\0" * 9 + _member(text[70:]) + _member(b""),
    ],
    ids=["zero padding", "comment", "file name", "extra field", "header CRC", "two members", "padded members"],
)
def test_every_gzip_that_gzip_itself_takes_is_read(site: SmallSite, pack: Callable[[bytes], bytes]) -> None:
    site.drop(pack(GOOD.encode()), "charges.csv.gz")
    assert _taken(site).rows_accepted == 2


@pytest.mark.parametrize(
    "spoil",
    [
        lambda packed: packed[:-3],
        lambda packed: packed[:-8] + b"\0" * 8,
        lambda packed: packed + b"rubbish",
        lambda packed: packed[:20] + b"\xff" + packed[21:],
    ],
    ids=["cut", "wrong checksum", "rubbish behind", "a byte changed"],
)
def test_a_gzip_that_gzip_itself_refuses_refuses_its_delivery(site: SmallSite, spoil: Callable[[bytes], bytes]) -> None:
    site.drop(spoil(gzip.compress(GOOD.encode())), "charges.csv.gz")
    assert "truncated or damaged gzip" in str(site.ingest().refusal)


@pytest.mark.parametrize(("newline", "encoding"), [("\n", "utf-8"), ("\r\n", "cp949"), ("\r", "utf-8")])
@pytest.mark.parametrize("end", ["\x1a", "\n\x1a", "\n\x1a\x1a\x1a", "\n\x1a\r\n", "\n\n\x1a", ""])
def test_ctrl_z_is_the_end_of_a_file_and_a_line_may_end_in_cr_alone(
    site: SmallSite, newline: str, end: str, encoding: str
) -> None:
    site.options = {"encoding": encoding}
    site.drop((GOOD.rstrip("\n") + end).replace("\n", newline).encode(encoding))
    site.manifest({"name": "charges.csv", "rows": 2})
    assert site.rows(_taken(site), "hour(charged_at)") == [(9,), (9,)]


@pytest.mark.parametrize(
    "header",
    [
        "\u110c\u1165\u11ab\u1112\u116a\u1107\u1165\u11ab\u1112\u1169",
        "전화\u200b번호",
        "\u2060전화번호\u00a0",
        "\ufeff전화번호",
    ],
    ids=["decomposed", "zero-width space", "word joiner and no-break space", "a mark in its midst"],
)
def test_a_header_matches_whatever_the_eye_does_not_see(site: SmallSite, header: str) -> None:
    site.columns[1]["sourceHeader"] = ["전화번호"]
    site.drop(GOOD.replace("msisdn", header))
    assert _taken(site).rows_accepted == 2


@pytest.mark.parametrize("note", ['"note\n(free)"', '"note\r\n(free)"', '"note\n\n(free)"'])
def test_a_line_break_within_a_quoted_header_is_a_space(site: SmallSite, note: str) -> None:
    site.columns[4]["sourceHeader"] = ["note (free)"]
    site.drop(HEADER.replace("note", note) + line(1) + "short\n" + line(2, amount="x"))
    receipt = site.ingest()
    assert (receipt.refusal, receipt.rows_accepted, receipt.unknown_columns) == (None, 1, [])
    assert [row.row_number for row in site.bad_rows()] == [2, 3]


def test_lines_above_the_header_are_skipped_as_the_contract_says_and_blank_ones_by_themselves(site: SmallSite) -> None:
    site.drop("\n\r\n" + GOOD)
    assert _taken(site).rows_accepted == 2
    site.options = {"skipLines": 3}
    site.drop('Charges, "of 3 January\n\nprinted 04:00\n' + GOOD + "short\n")
    receipt = site.ingest()
    assert (receipt.rows_accepted, receipt.rows_quarantined) == (2, 1)
    assert [row.row_number for row in site.bad_rows()] == [3]
    site.drop("a title\n\n\n" + GOOD.replace("amount", "total"))
    assert str(site.ingest().refusal).startswith("charges.csv, line 4: required column 'amount' is missing")


def test_the_line_in_which_excel_names_the_delimiter_is_no_header(site: SmallSite) -> None:
    site.options = {"delimiter": ";"}
    site.drop("sep=;\r\n" + GOOD.replace(",", ";"))
    assert _taken(site).rows_accepted == 2
    site.drop("sep=,\r\n" + GOOD)
    said = "charges.csv, line 1: says that ',' stands between values; the contract says ';'"
    assert site.ingest().refusal == said


@pytest.mark.parametrize(
    ("trailer", "end", "said"),
    [
        ("T|{rows}", "T|000002\n", None),
        ("T|{rows}", "T|000002\r\n", None),
        ("T|{rows}", "T|000002", None),
        ("T|*|{rows}", "T|20260103|2|EOF\n\x1a", None),
        ("TOTAL: {rows} rows", "\n TOTAL: 2 rows\n\n", None),
        (["---", "{rows} rows"], "---\n2 rows\n", None),
        ("EOF", "EOF\n", None),
        ("T|{rows}", "T|000003\n", "charges.csv: 2 rows, but 3 in its trailer"),
        ("T|{rows}", "", "charges.csv: does not end in the trailer 'T|{rows}' of the contract; it may have been cut"),
        (["---", "EOF"], "EOF\n", "charges.csv: does not end in the trailer '---', 'EOF' of the contract"),
    ],
)
def test_a_trailer_is_no_row_and_its_count_is_checked(
    site: SmallSite, trailer: str | list[str], end: str, said: str | None
) -> None:
    site.options = {"trailer": trailer}
    site.drop(GOOD + end)
    receipt = site.ingest()
    assert receipt.refusal == said or str(receipt.refusal).startswith(str(said))
    assert receipt.rows_accepted == (0 if said else 2)
    assert not any(file.may_be_cut for file in receipt.files), "a trailer says that nothing is missing"


def test_an_escape_sign_makes_the_next_one_plain(site: SmallSite) -> None:
    site.options = {"escape": "\\"}
    notes = [
        '"he said \\"hi, you\\" ok"', '"a\\"b"', "unquoted \\, comma", '"back\\\\slash\\\\"', '"C:\\temp"', "\\N",
        '"doubled ""too"""', "over\\\ntwo lines",
    ]  # fmt: skip
    site.drop(HEADER + "".join(line(n, note=note) for n, note in enumerate(notes)))
    values = [note for (_, note) in site.rows(_taken(site), "charge_id, note")]
    assert values == [
        'he said "hi, you" ok', 'a"b', "unquoted , comma", "back\\slash\\", "C:\\temp", "\\N", 'doubled "too"',
        "over\ntwo lines",
    ]  # fmt: skip


def test_an_escape_sign_is_understood_wherever_a_block_ends(site: SmallSite, monkeypatch: pytest.MonkeyPatch) -> None:
    site.options = {"escape": "\\", "delimiter": "||"}
    text = (HEADER + line(1, note='"x\\"y"') + line(2, note="p\\\\q\\,r")).replace(",", "||").replace("\n", "\r\n")
    for size in (1, 2, 3, 7):
        monkeypatch.setattr("orchestration.ingest.text._BLOCK", size)
        site.drop(text + f"{size}||short\r\n")
        receipt = site.ingest()
        assert site.rows(receipt, "note") == [("p\\q||r",), ('x"y',)]
        assert receipt.rows_quarantined == 1


@pytest.mark.parametrize("delimiter", ["||", "~|~", "|^|", "::", "¦", "\t\t", "\x01"])
def test_a_delimiter_may_be_several_signs(site: SmallSite, delimiter: str) -> None:
    site.options = {"delimiter": delimiter}
    cells = [text.strip().split(",") for text in (HEADER, line(1, note=""), line(2, note="a|b"), "torn")]
    cells[2][4] = f'"in{delimiter}side"'
    site.drop("\n".join(delimiter.join(row) for row in cells) + "\n")
    receipt = site.ingest()
    assert (receipt.refusal, receipt.rows_accepted, receipt.rows_quarantined) == (None, 2, 1)
    assert site.rows(receipt, "note") == [(f"in{delimiter}side",), (None,)]


@pytest.mark.parametrize(
    ("declared", "encoding", "read_as"),
    [
        ("cp949", "utf-8-sig", "utf-8"), ("utf-8", "utf-8-sig", None), ("utf-8", "utf-16", "utf-16"),
        ("cp949", "utf-16", "utf-16"), ("utf-16", "utf-8-sig", "utf-8"), ("utf-8", "utf-32", "utf-32"),
        ("utf-16-le", "utf-16", None),
    ],
)  # fmt: skip
def test_a_byte_order_mark_decides_and_the_receipt_says_so(
    site: SmallSite, declared: str, encoding: str, read_as: str | None
) -> None:
    site.options = {"encoding": declared}
    site.drop((HEADER + line(1, note="가입비")).encode(encoding))
    receipt = _taken(site)
    assert site.rows(receipt, "note") == [("가입비",)]
    assert [file.read_as for file in receipt.files] == [read_as]


@pytest.mark.parametrize("name", ["charges.CSV", "Charges.Csv.GZ", "charges.TXT", "charges.dat.gz"])
def test_a_name_may_end_in_capitals_or_as_the_contract_says(site: SmallSite, name: str) -> None:
    site.options = {"suffixes": [".txt", ".dat.gz"]}
    content = GOOD.encode()
    site.drop(gzip.compress(content) if name.casefold().endswith(".gz") else content, name)
    assert _taken(site).rows_accepted == 2


def test_a_manifest_may_have_a_mark_in_front_and_a_checksum_in_capitals(site: SmallSite) -> None:
    path = site.drop(GOOD)
    site.manifest({"name": "charges.csv", "rows": 2, "sha256": "6C0C"})
    assert "SHA-256" in str(site.ingest().refusal)
    site.manifest({"name": "charges.csv", "rows": 2, "sha256": hashlib.sha256(path.read_bytes()).hexdigest().upper()})
    manifest = site.folder() / "_manifest.json"
    for mark in (b"\xef\xbb\xbf" + manifest.read_bytes(), manifest.read_text().encode("utf-16")):
        manifest.write_bytes(mark)
        assert _taken(site).has_manifest


def test_the_file_that_the_documentation_shows_is_read_by_the_contract_that_it_shows(
    site: SmallSite, tmp_path: Path
) -> None:
    page = (PROJECT / "docs" / "feeds.md").read_text("utf-8")
    contract, properties = (yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[:2])
    (sample,) = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    path = site.settings.site / "contracts" / "top_ups.yaml"  # type: ignore[operator]
    path.parent.mkdir()
    path.write_text(yaml.safe_dump(contract | properties, allow_unicode=True), "utf-8")
    folder = site.settings.landing_dir / "top_ups" / f"dt={DAY}"
    folder.mkdir(parents=True)
    (folder / "topups.txt").write_bytes(sample.encode("cp949"))
    (done,) = ingest(site.settings, load_feed(path), [DAY])
    assert (done.receipt.refusal, done.receipt.rows_accepted, done.receipt.rows_quarantined) == (None, 2, 0)


def _failed(site: SmallSite) -> dict[str, str]:
    with connect(site.settings) as con:
        profile = create_delivery_profile(con, site.settings, site.feed, [site.ingest()])
        outcomes = check_relation(con, load_suite("raw", "charges", site=site.settings.site), relation=profile)
    return {outcome.expectation_id: outcome.severity for outcome in outcomes if not outcome.passed}


@pytest.mark.parametrize("name", ["charges.csv", "charges.csv.gz"])
def test_a_file_without_a_line_end_at_its_end_carries_a_warning_unless_a_manifest_vouches_for_it(
    site: SmallSite, name: str
) -> None:
    cut = (GOOD + line(3, charged_at="2026-01-03 09:00:00")).rstrip("\n").encode()
    site.drop(gzip.compress(cut) if name.endswith(".gz") else cut, name)
    assert _failed(site) == {"last_lines_whole": "warning"}
    assert site.ingest().rows_accepted == 3
    site.manifest({"name": name, "rows": 3})
    site.drop(gzip.compress(cut + b" ") if name.endswith(".gz") else cut + b" ", name)
    assert "last_lines_whole" not in _failed(site)


def test_a_site_can_close_the_gate_on_a_file_that_may_have_been_cut(site: SmallSite) -> None:
    site.drop(GOOD.rstrip("\n"))
    path = site.settings.site / "expectations" / "raw" / "_default.json"  # type: ignore[operator]
    path.parent.mkdir(parents=True)
    path.write_text(
        '{"name": "raw._default", "expectations": [{"id": "last_lines_whole", "severity": "critical"}]}', "utf-8"
    )
    assert _failed(site) == {"last_lines_whole": "critical"}
