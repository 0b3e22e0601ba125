"""Running dbt, as a process beside this one, whose nodes are heard of as they end.

Settings reach dbt through its environment, never through `--vars`, which would make it parse everything again.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from orchestration.base.files import locked, replacing
from orchestration.base.settings import PROJECT, Settings, private_dir
from orchestration.site.reference import write_references
from orchestration.warehouse import dbt_session
from orchestration.warehouse.engines import engine_of

DBT_PROJECT = PROJECT / "dbt_project"
#: As the profile has it.
THREADS = 2
_MANIFEST = "parsed_manifest"
#: What dbt says of a node that ran into an error, of a test that failed, and of what waits for one of these.
_NOT_BUILT = ("error", "fail", "skipped")
#: What a process needs of a shell that may hold credentials of stores, databases and mail: none of these.
_INHERITED = re.compile(
    r"PATH|HOME|USER|LOGNAME|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|VIRTUAL_ENV|PYTHON\w*|KRB5\w+"
    r"|(LD|DYLD|_?JAVA|JDK|SPARK|PYSPARK|HADOOP)_\w+|DBT_(?!ENV_SECRET)\w+"
)
_SOURCES = ("*.sql", "*.py", "*.yml", "*.csv")


class DbtError(RuntimeError):
    """dbt could not do its work (as opposed to a test that found something)."""


@dataclass(frozen=True)
class NodeResult:
    """What became of one node of a dbt build."""

    unique_id: str
    status: str
    message: str
    failures: int | None
    seconds: float
    compiled_sql: str | None


def target_dir(settings: Settings) -> Path:
    """Where dbt keeps its manifest, logs and partial parse: with the data, never in the project."""
    return private_dir(settings.home / "dbt")


def environment(settings: Settings) -> dict[str, str]:
    """The environment of a dbt process. It holds no secret: pseudonyms are made before dbt sees a row."""
    inherited = {name: value for name, value in os.environ.items() if _INHERITED.fullmatch(name)}
    target = str(target_dir(settings))
    return inherited | {
        "RINGFENCE_ENGINE": settings.engine,
        "RINGFENCE_WAREHOUSE": str(settings.warehouse),
        "RINGFENCE_VIEW": settings.view,
        "RINGFENCE_ALERT_BY": settings.site_profile.alert_by,
        "RINGFENCE_TIMEZONE": settings.time_zone,
        "RINGFENCE_CURRENCY": settings.site_profile.currency,
        "RINGFENCE_REFERENCE": str(_reference_dir(settings)),
        "RINGFENCE_MEMORY_LIMIT": settings.memory_limit,
        "RINGFENCE_TEMP": str(settings.scratch_dir),
        "DBT_PROJECT_DIR": str(DBT_PROJECT),
        "DBT_PROFILES_DIR": str(DBT_PROJECT),
        "DBT_TARGET_PATH": target,
        "DBT_LOG_PATH": target,
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "PYTHONUNBUFFERED": "1",
        # models run beside each other already: threads of a Python model's linear algebra would wait for these
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        **engine_of(settings).environment(),
    }


def _reference_dir(settings: Settings) -> Path:
    return target_dir(settings) / "reference"


def fingerprint(settings: Settings) -> str:
    """What dbt parses and is told of the site: models, macros, seeds, the sites' reference tables, settings."""
    site = settings.site_profile
    said = (settings.engine, settings.view, site.alert_by, settings.time_zone, site.currency)
    digest = hashlib.sha256("|".join(said).encode())
    for folder in (DBT_PROJECT, *settings.layers("reference")):
        for path in sorted(path for pattern in _SOURCES for path in folder.rglob(pattern)):
            name = path.relative_to(folder)
            if "target" not in name.parts:
                digest.update(f"{name}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def manifest(settings: Settings) -> Mapping[str, Any]:
    """dbt's manifest, parsed again only when the project or its environment has changed."""
    return _manifest(settings, fingerprint(settings))


@lru_cache(maxsize=4)
def _manifest(settings: Settings, wanted: str) -> Mapping[str, Any]:
    """The manifest below the fingerprint of its project; who finds it kept waits for nobody who parses another."""
    kept = target_dir(settings) / _MANIFEST
    if (content := _kept(kept, wanted)) is None:
        with locked(kept.with_name(".parse.lock")):
            content = _kept(kept, wanted) or _parsed(settings, kept, wanted)
    return content


def _kept(kept: Path, wanted: str) -> Mapping[str, Any] | None:
    project, _, text = kept.read_bytes().partition(b"\n") if kept.exists() else (b"", b"", b"")
    content: Mapping[str, Any] | None = json.loads(text) if project.decode() == wanted else None
    return content


def _parsed(settings: Settings, kept: Path, wanted: str) -> Mapping[str, Any]:
    """Parse, and keep what is whole: dbt's own file is written anew, in place, by each of its commands."""
    _parse(settings)
    text = (target_dir(settings) / "manifest.json").read_bytes()
    content: Mapping[str, Any] = json.loads(text)
    with replacing(kept, is_durable=False) as beside:
        beside.write_bytes(wanted.encode() + b"\n" + text)
    return content


def know_what_was_parsed(settings: Settings, elsewhere: Settings) -> None:
    """Let dbt begin with what it has parsed for another installation: it parses again what differs, and no more."""
    for name in (_MANIFEST, "partial_parse.msgpack"):
        if (parsed := target_dir(elsewhere) / name).exists():
            shutil.copyfile(parsed, target_dir(settings) / name)


def prepare(settings: Settings) -> None:
    """Start dbt beside whatever is done before it is needed: it takes seconds to import, and another to read."""
    dbt_session.prepare(environment(settings), DBT_PROJECT, fingerprint(settings))


def _parse(settings: Settings) -> None:
    """Parse what has changed, or all of it: dbt takes a unit test that an upgrade moved to another file for two."""
    try:
        do(settings, ["parse"])
    except DbtError:
        do(settings, ["parse", "--no-partial-parse"])


def build(
    settings: Settings,
    *,
    select: Sequence[str],
    tests: Sequence[str] | None = None,
    full_refresh: bool = False,
    keep_open: Collection[int] = (),
    on_node: Callable[[str, str], None] = lambda name, status: None,
) -> list[NodeResult]:
    """`dbt build` of a selection, with these `tests` or all that it allows; a failing test is a result.

    `keep_open` are descriptors that dbt shares, such as the lock that keeps others out of the warehouse for as long as
    it works, even when whoever started it was killed. What found too little memory is built again by itself, with a
    half of it: DuckDB lets no query wait for another, and goes to disk the earlier the less it may have.

    Raises:
        DbtError: if a model could not be built, with dbt's own words.
    """
    # a test of two models waits for both: one of them may be held back, and not be there at all
    indirect = "cautious" if tests is None else "empty"
    arguments = ["build", "--exclude-resource-type", "unit_test", *(("--full-refresh",) if full_refresh else ())]
    write_references(settings, private_dir(_reference_dir(settings)))
    engine = engine_of(settings)
    engine.begin(manifest(settings))

    def built(of: Settings, *selection: str) -> dict[str, Any]:
        results_path = target_dir(settings) / "run_results.json"
        results_path.unlink(missing_ok=True)
        for ended in run(of, [*arguments, *selection], keep_open, fingerprint(settings)):
            on_node(ended["node"], ended["status"])
        written: dict[str, Any] = json.loads(results_path.read_bytes())
        return written

    written = built(settings, "--indirect-selection", indirect, "--select", *select, *(tests or ()))
    if any(_is_short_of_memory(entry) for entry in written["results"]):
        again = [entry["unique_id"] for entry in written["results"] if entry["status"] in _NOT_BUILT]
        names = [unique_id.split(".")[2] for unique_id in again]
        with_half = settings.model_copy(update={"memory_limit": _half(settings.memory_limit)})
        alone = built(with_half, "--threads", "1", "--indirect-selection", "empty", "--select", *names)
        written["results"] = [entry for entry in written["results"] if entry["unique_id"] not in again]
        written["results"] += alone["results"]
    engine.end(manifest(settings), written, environment(settings))
    results = [
        NodeResult(
            entry["unique_id"], entry["status"], str(entry.get("message") or ""), entry.get("failures"),
            entry["execution_time"], entry.get("compiled_code"),
        )
        for entry in written["results"]
    ]  # fmt: skip
    broken = [result for result in results if result.status == "error"]
    if broken:
        raise DbtError("\n".join(f"{result.unique_id}: {result.message}" for result in broken))
    return results


def _is_short_of_memory(entry: Mapping[str, Any]) -> bool:
    return entry["status"] == "error" and "Out of Memory Error" in str(entry.get("message"))


def _half(limit: str) -> str:
    """A half of a limit as DuckDB takes it, such as `1.5GB`."""
    unit = limit.lstrip("0123456789.")
    return f"{float(limit.removesuffix(unit)) / 2:g}{unit}"


def do(settings: Settings, command: Sequence[str]) -> None:
    """Do a command in dbt's process that tells of no node.

    Raises:
        DbtError: if it fails.
    """
    list(run(settings, command))


def run(
    settings: Settings, arguments: Sequence[str], keep_open: Collection[int] = (), project: str | None = None
) -> Iterator[dict[str, str]]:
    """Run dbt and yield the nodes that have ended. With its fingerprint, the `project` is read only where it is new.

    Raises:
        DbtError: if dbt ends with an error of its own (exit code 1 is a node that failed, which is a result).
        GoneError: if its process has ended meanwhile, such as killed where memory runs out.
    """
    errors: list[str] = []
    code = 0
    try:
        for said in dbt_session.events(
            environment(settings), DBT_PROJECT, arguments, project=project, keep_open=keep_open
        ):
            if isinstance(said, int):
                code = said
                break
            try:
                heard = json.loads(said)
            except json.JSONDecodeError:  # not dbt's own word
                heard = None
            if isinstance(heard, dict) and "node" in heard:
                yield heard
            else:
                errors.append(heard["error"] if isinstance(heard, dict) and "error" in heard else said.rstrip())
    except dbt_session.GoneError as gone:
        raise dbt_session.GoneError("\n".join([str(gone), *errors[-20:]])) from None
    if code not in (0, 1) or (code and arguments[0] != "build"):
        raise DbtError("dbt " + " ".join(arguments[:1]) + " failed:\n" + "\n".join(errors[-20:]))
