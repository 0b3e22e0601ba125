"""A dbt model in Python as a module, so that its functions can be called."""

from __future__ import annotations

import importlib.util
from types import ModuleType

from orchestration.warehouse.dbt import DBT_PROJECT


def python_model(name: str) -> ModuleType:
    """The module of a model; dbt itself reads it as a script."""
    (path,) = DBT_PROJECT.glob(f"models/**/{name}.py")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
