"""What pyproject.toml cannot say: a wheel takes along the folders beside the package, which a clone has in its root."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = ("dbt_project", "expectations", "bi", "workspace.yaml", "docs/terms.md")
_LEFT_OUT = shutil.ignore_patterns("target", "logs", "dbt_packages", ".user.yml", "__pycache__", "*.lock")


class WithProject(build_py):
    """Lays the shipped folders into the package, where `orchestration.base.settings.PROJECT` looks for them."""

    def run(self) -> None:
        """Copy them behind the modules; an editable installation reads them where they are."""
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib) / "orchestration" / "shipped"
        for name in SHIPPED:
            source = Path(name)
            if source.is_dir():
                shutil.copytree(source, target / name, ignore=_LEFT_OUT, dirs_exist_ok=True)
            else:
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target / name)


setup(cmdclass={"build_py": WithProject})
