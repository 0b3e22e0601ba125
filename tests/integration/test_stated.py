"""A signed statement is confirmed where it is true, and says where it is not after any single change."""

from __future__ import annotations

import copy
import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from orchestration.base.settings import Settings
from orchestration.cli import app
from orchestration.evidence.figure import FigureError
from orchestration.evidence.signing import SigningKey, SigningKeyError
from orchestration.evidence.statement import as_text, attest, leaves, sign
from orchestration.evidence.verification import Finding, verify_alone, verify_here
from orchestration.reporting.statement_page import read_statement, statement_page
from orchestration.warehouse import dbt
from orchestration.warehouse.graph import Graph
from tests.support.world import KEY, World

FIGURE = "churn.incident_headline.port_outs_day where incident_id = 'KT_WAIVER_2026' and as_of_date = '2026-01-01'"


@pytest.fixture(scope="module")
def graph(published_world: World) -> Graph:
    return Graph(dbt.manifest(published_world.settings))


@pytest.fixture(scope="module")
def signer(published_world: World, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The shared world, with a key of its own."""
    key = tmp_path_factory.mktemp("key") / "statement.key"
    return published_world.settings.model_copy(update={"statement_key_file": key})


@pytest.fixture(scope="module")
def statement(published_world: World, graph: Graph, signer: Settings) -> dict[str, Any]:
    return attest(signer, graph, published_world.feeds, [FIGURE], "asked by a court")


def _refuted(findings: list[Finding]) -> dict[str, str]:
    return {one.subject: one.detail for one in findings if one.is_confirmed is False}


def test_a_statement_is_confirmed_where_it_was_made(
    published_world: World, graph: Graph, signer: Settings, statement: dict[str, Any]
) -> None:
    alone, stated = verify_alone(as_text(statement), statement["public_key"])
    assert stated is not None
    here = list(verify_here(signer, graph, published_world.feeds, stated))
    assert [one.is_confirmed for one in [*alone, *here]] == [True] * 10
    assert here[-1].detail.startswith("made again from raw")


def test_any_single_change_is_found_and_named(statement: dict[str, Any]) -> None:
    chance = random.Random(20260103)
    for path, value in chance.sample(list(leaves(statement["stated"])), 60):
        changed = copy.deepcopy(statement)
        *branch, last = path.removeprefix("/").split("/")
        place: Any = changed["stated"]
        for name in branch:
            place = place[int(name) if isinstance(place, list) else name]
        place[int(last) if isinstance(place, list) else last] = f"{value}x"
        findings, _ = verify_alone(as_text(changed))
        assert path in _refuted(findings).get("content", "") or path == "/form", path


@pytest.mark.parametrize("part", ["digests", "public_key", "signature"])
def test_what_signs_cannot_be_changed_either(statement: dict[str, Any], part: str) -> None:
    changed = copy.deepcopy(statement)
    if part == "digests":
        changed["digests"]["/reason"] = "0" * 64
    else:
        changed[part] = ("B" if changed[part][0] == "A" else "A") + changed[part][1:]
    assert "signature" in _refuted(verify_alone(as_text(changed))[0])


def test_any_byte_of_the_file_counts(statement: dict[str, Any]) -> None:
    text, chance = as_text(statement), random.Random(24)
    for _ in range(60):
        place = chance.randrange(len(text))
        changed = text[:place] + chr((ord(text[place]) + 1) % 128) + text[place + 1 :]
        assert _refuted(verify_alone(changed)[0]), place
    assert "line" in _refuted(verify_alone(text.replace(": ", ":  ", 1))[0])["form"]


def test_a_statement_of_another_key_is_told_apart(statement: dict[str, Any], tmp_path: Path) -> None:
    other = SigningKey.of(Settings(home=tmp_path, pseudonym_key=KEY))
    forged = sign(other, statement["stated"] | {"reason": "forged"})
    assert not _refuted(verify_alone(as_text(forged))[0])
    assert "signed by another key" in _refuted(verify_alone(as_text(forged), statement["public_key"])[0])["signature"]


def test_without_raw_it_says_what_cannot_be_told(
    published_world: World, graph: Graph, statement: dict[str, Any], tmp_path: Path
) -> None:
    elsewhere = Settings(home=tmp_path, pseudonym_key=KEY)
    found = {
        one.subject: one.is_confirmed
        for one in verify_here(elsewhere, graph, published_world.feeds, statement["stated"])
    }
    assert (found["generation"], found["receipts"], found["raw files"], found["models"]) == (None, None, None, True)
    assert found[f"value of {FIGURE}"] is None


def test_a_byte_of_raw_or_a_receipt_counts(
    published_world: World, graph: Graph, statement: dict[str, Any], tmp_path: Path
) -> None:
    there = published_world.settings.raw_dir / "portability_events"
    elsewhere = Settings(home=tmp_path / "home", landing=tmp_path / "landing", pseudonym_key=KEY)
    for one in statement["stated"]["deliveries"]:
        folder = f"dt={one['dt']}/rev={one['rev']}"
        shutil.copytree(there / folder, elsewhere.raw_dir / "portability_events" / folder)
    first = elsewhere.raw_dir / "portability_events/dt=2026-01-01/rev=1"
    raw = next(first.glob("*.parquet"))
    content = bytearray(raw.read_bytes())
    content[len(content) // 2] ^= 1
    raw.write_bytes(content)
    receipt = json.loads((first / "receipt.json").read_text("utf-8"))
    receipt["files"][0]["sha256"] = "0" * 64
    (first / "receipt.json").write_text(json.dumps(receipt), "utf-8")
    refuted = _refuted(list(verify_here(elsewhere, graph, published_world.feeds, statement["stated"])))
    assert refuted.keys() == {"receipts", "raw files"}
    assert all("portability_events 2026-01-01 rev 1" in detail for detail in refuted.values())


def test_a_changed_model_or_value_counts(
    published_world: World, graph: Graph, signer: Settings, statement: dict[str, Any]
) -> None:
    manifest = copy.deepcopy(dict(graph.manifest))
    manifest["nodes"]["model.ringfence.provider_daily"]["checksum"]["checksum"] = "0" * 64
    stated = copy.deepcopy(statement["stated"])
    stated["figures"][0]["value"] += 1
    refuted = _refuted(list(verify_here(signer, Graph(manifest), published_world.feeds, stated)))
    assert refuted.keys() == {"models", f"value of {FIGURE}"}
    assert "provider_daily" in refuted["models"]


def test_the_page_shows_what_it_holds(signer: Settings, statement: dict[str, Any], tmp_path: Path) -> None:
    page = tmp_path / "statement.html"
    page.write_text(statement_page(signer, statement), "utf-8")
    text, found = read_statement(signer, page)
    assert text == as_text(statement)
    assert not _refuted(found)
    page.write_text(page.read_text("utf-8").replace("asked by a court", "asked by nobody", 1), "utf-8")
    assert "line" in _refuted(read_statement(signer, page)[1])["page"]


def test_nothing_of_a_person_is_stated(published_world: World, graph: Graph, signer: Settings) -> None:
    for figure in ("churn.fct_port.monthly_fee where true", "fraud.fct_payment.amount where payment_id = '1'"):
        with pytest.raises(FigureError, match="single lines or persons"):
            attest(signer, graph, published_world.feeds, [figure], "asked")


def test_a_key_that_others_can_read_signs_nothing(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, pseudonym_key=KEY)
    SigningKey.of(settings)
    settings.statement_key.chmod(0o644)
    with pytest.raises(SigningKeyError, match="chmod 600"):
        SigningKey.of(settings)


def test_commands_write_and_verify(
    signer: Settings, published_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published_world.as_environment(monkeypatch)
    monkeypatch.setenv("RINGFENCE_STATEMENT_KEY_FILE", str(signer.statement_key))
    file = tmp_path / "statement.json"
    made = CliRunner().invoke(app, ["attest", FIGURE, "--reason", "asked", "--out", str(file)])
    assert made.exit_code == 0, made.output
    assert CliRunner().invoke(app, ["verify", str(file), "--alone"]).exit_code == 0
    file.write_text(file.read_text("utf-8").replace('"asked"', '"told"'), "utf-8")
    refuted = CliRunner().invoke(app, ["verify", str(file)])
    assert refuted.exit_code == 1
    assert "/reason" in refuted.output
