"""What an installation without a clone holds, and what a container starts."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import typer
import yaml

from orchestration.base.settings import PACKAGE, PROJECT, Settings
from orchestration.cli import app

#: Made by `make bi` in a clone, and looked for before it is used.
_NOT_SHIPPED = {".venv-bi"}


def _shipped() -> tuple[str, ...]:
    (value,) = (
        node.value
        for node in ast.parse((PROJECT / "setup.py").read_text("utf-8")).body
        if isinstance(node, ast.Assign) and node.targets[0].id == "SHIPPED"  # type: ignore[attr-defined]
    )
    return tuple(ast.literal_eval(value))


def test_a_wheel_takes_along_every_path_of_the_project_that_the_code_reads() -> None:
    read = {
        "/".join(re.findall(r'"([^"]+)"', parts))
        for path in PACKAGE.rglob("*.py")
        for parts in re.findall(r'\bPROJECT((?: / "[^"]+")+)', path.read_text("utf-8"))
    }
    assert {"docs/terms.md", "workspace.yaml"} <= read
    shipped = _shipped()
    assert not {
        path
        for path in read
        if path.split("/")[0] not in _NOT_SHIPPED
        and not any(path == name or path.startswith(f"{name}/") for name in shipped)
    }
    assert all((PROJECT / name).exists() for name in shipped)


def test_a_wheel_takes_along_every_file_beside_the_code() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["orchestration"]
    taken = {path for pattern in patterns for path in PACKAGE.glob(pattern)}
    there = {path for path in PACKAGE.rglob("*") if path.is_file() and path.suffix not in {".py", ".pyc"}}
    assert len(there) > 50
    assert there <= taken


def test_an_image_is_built_from_what_a_wheel_needs() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (PROJECT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    sources = {source for line in copied for source in line.split()}
    assert {*_shipped(), "orchestration", "setup.py", "pyproject.toml", "requirements.lock"} <= sources
    let_in = {line[1:] for line in (PROJECT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    assert {source.split("/")[0] for source in sources} <= let_in


def test_containers_start_commands_that_there_are_with_settings_that_there_are() -> None:
    composed = yaml.safe_load(Path(PROJECT / "compose.yaml").read_text("utf-8"))
    ours = [service for service in composed["services"].values() if service["image"] == "ringfence"]
    known = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert {service["command"][0] for service in ours} == {"daemon", "webserver", "reports"} <= set(known)
    names = {name.removeprefix("RINGFENCE_").lower() for name in ours[0]["environment"]}
    assert names <= set(Settings.model_fields)
    assert all(service.get("network_mode") == "host" for service in ours)
