"""What each relation is made of beside the data: its own code, the macros it uses, a seed's rows, its parents.

Comments, descriptions and the space between words make nothing. What a macro uses is read from its text: every word of
it that is a macro's name, or that of an engine's version of one (`duckdb__…`). So a name that stands there for another
reason costs a rebuild, and none that is used is missed.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from orchestration.base.settings import Settings
from orchestration.site.reference import row_files

#: Parts of what a relation is made of, each with its hash: `code`, `rows`, `zone`, `macro <name>`, `parent <name>`.
Parts = Mapping[str, str]

_PACKAGE = "ringfence"
#: What is kept as it is (texts, and comments with Jinja, which may do something), and what is as good as a space.
_TOKEN = re.compile(
    r"""(?P<kept>'(?:[^']|'')*'|"[^"]*"|--[^\n]*\{[{%][^\n]*)"""
    r"""|(?:\{\#.*?\#\}|/\*(?:(?!\*/|\{[{%]).)*\*/|--(?![^\n]*\{[{%])[^\n]*|\s)+""",
    re.DOTALL,
)
_WORD = re.compile(r"[a-z_][a-z0-9_]*")
_VARIABLE = re.compile(r"env_var\(\s*'(\w+)'")
#: Of a node's configuration, what makes its rows; the rest says who owns it and how it is shown.
_MAKES_ROWS = (
    "materialized", "incremental_strategy", "unique_key", "on_schema_change", "column_types", "quote_columns",
    "contract", "pre-hook", "post-hook",
)  # fmt: skip
#: Where a site's rows are laid for the seeds that take them: a place, whose content is told as rows.
_PLACE = "RINGFENCE_REFERENCE"
#: What makes a relation of each kind without being named in its code.
_MAKES_KIND = {
    "incremental": ("get_incremental_touched_sql", "materialization_incremental_spark"),
    "replaced_table": ("materialization_replaced_table_default", "materialization_replaced_table_spark"),
}
#: Engines, by whose names macros begin, and materializations end, that no other engine uses.
_ENGINES = {"duckdb", "spark"}


def digest(*parts: object) -> str:
    """A short hash of anything that JSON can say."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:20]


def essence(code: str, language: str = "sql") -> str:
    """Code without what changes nothing."""
    if language == "python":
        tree = ast.parse(code)
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
                node.body = node.body[1:]
        return ast.dump(tree)
    return _TOKEN.sub(lambda token: token["kept"] or " ", code).strip()


class MadeOf:
    """Answers for one manifest under one environment of dbt (`dbt.environment`)."""

    def __init__(self, settings: Settings, manifest: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        self._settings, self._manifest, self._environment = settings, manifest, environment
        others = _ENGINES - {settings.engine}
        self._macros = {
            macro["name"]: essence(macro["macro_sql"])
            for macro in manifest.get("macros", {}).values()
            if macro["package_name"] == _PACKAGE and others.isdisjoint(re.split("_+", macro["name"]))
        }
        self._uses = {name: self._named_in(text) - {name} for name, text in self._macros.items()}

    def parts(self, unique_id: str) -> dict[str, str]:
        """What a node is made of by itself; its parents are its builder's affair."""
        node = self._manifest["nodes"][unique_id]
        code, config = essence(node.get("raw_code") or "", node.get("language", "sql")), node["config"]
        columns = [(name, one["data_type"], one["constraints"]) for name, one in node["columns"].items()]
        makes = {name: config.get(name) for name in _MAKES_ROWS}
        found = {"code": digest(code, self._variables(code), columns, makes), "zone": digest(self._settings.time_zone)}
        if node["resource_type"] == "seed":
            found["rows"] = digest(*(path.read_bytes() for path in row_files(self._settings, node["name"])))
        hooks = " ".join(hook["sql"] for kind in ("pre-hook", "post-hook") for hook in config.get(kind) or ())
        kind = _MAKES_KIND.get(config["materialized"], ())
        for name in self._closure({*self._named_in(f"{code} {hooks}"), *kind} & self._macros.keys()):
            found[f"macro {name}"] = digest(self._macros[name], self._variables(self._macros[name]))
        return found

    def test(self, unique_id: str) -> str:
        """What a test looks at its relations with."""
        node = self._manifest["nodes"][unique_id]
        name = (node.get("test_metadata") or {}).get("name")
        generic = self._macros.get(f"test_{name}", "")
        judged = [node["config"].get(name) for name in ("where", "severity", "fail_calc", "warn_if", "error_if")]
        return digest(essence(node.get("raw_code") or ""), node.get("test_metadata"), generic, judged)

    def _named_in(self, text: str) -> set[str]:
        words = set(_WORD.findall(text))
        return {name for name in self._macros if name in words or name.partition("__")[2] in words}

    def _closure(self, names: set[str]) -> list[str]:
        found, waiting = set(names), list(names)
        while waiting:
            used = self._uses[waiting.pop()] - found
            found |= used
            waiting += used
        return sorted(found)

    def _variables(self, text: str) -> list[str | None]:
        names = sorted(set(_VARIABLE.findall(text)) - {_PLACE})
        return [self._environment.get(name) for name in names]
