"""Start Superset on loopback over the published files, with the databases and dashboards of `dashboards.yaml`.

Runs in the environment of `requirements.lock`; `ringfence bi` starts it with what it must know:
`RINGFENCE_BI_HOME` (its own files), `RINGFENCE_BI_SERVING` (the folder that holds `current`), `RINGFENCE_BI_TIMEZONE`,
`RINGFENCE_BI_MONEY_UNIT` (what amounts are counted in), `RINGFENCE_BI_PORT`.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Prepare Superset's own database, import the dashboards, and serve until stopped."""
    home = Path(os.environ["RINGFENCE_BI_HOME"])
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.environ["SUPERSET_CONFIG_PATH"] = str(HERE / "superset_config.py")
    os.environ["FLASK_APP"] = "superset.app:create_app()"
    os.environ["SCARF_ANALYTICS"] = "false"  # nobody is told that this runs here
    generated(home / "secret")
    generated(home / "admin-password")
    superset("db", "upgrade")
    superset("init")
    subprocess.run([sys.executable, str(HERE / "load.py")], check=True)
    address = f"127.0.0.1:{os.environ['RINGFENCE_BI_PORT']}"
    print(f"\nhttp://{address}  user admin, password in {home / 'admin-password'}\n", flush=True)  # noqa: T201
    gunicorn = [sys.executable, "-m", "gunicorn", "--bind", address, "--workers", "2", "--worker-class", "gthread",
                "--threads", "8", "--timeout", "120", "--log-level", "warning", os.environ["FLASK_APP"]]  # fmt: skip
    os.execv(sys.executable, gunicorn)


def generated(path: Path) -> str:
    """A secret that only its owner can read: from the file, or a new one."""
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(32))
    return path.read_text("utf-8").strip()


def superset(*arguments: str) -> None:
    """One command of Superset's, its chatter kept for when it fails."""
    command = [str(Path(sys.executable).with_name("superset")), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"superset {arguments[0]} failed:\n{done.stdout}\n{done.stderr}")


if __name__ == "__main__":
    main()
