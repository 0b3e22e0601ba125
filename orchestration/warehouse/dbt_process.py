"""dbt as a process of its own that stays: what starting it costs is paid once, and before it is needed.

It takes commands on a socket that is its standard input, one JSON object each, with the descriptors that it has to keep
open until the command has ended (`socket.send_fds`; `keep_open` says how many these are). It prints
`{"node": name, "status": status}` for each node that has ended, `{"error": text}` for what went wrong, and after each
command `{"ended": code}`: 0, 1 if a node failed, 2 if dbt could not do its work. It ends with its socket.

dbt's own logs would cost a quarter of its time: of some forty events a node it makes a line for each log, whatever the
log's level.

What an engine does beside dbt is a command of its own (`COMMANDS` of `dbt_on_duckdb` and `dbt_on_spark`), which raises
what goes wrong.

`project` is the fingerprint of what dbt parses: as long as that is the same, the manifest in memory is.
"""

from __future__ import annotations

import gc
import json
import os
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

from orchestration.base.machine import is_machines

_MOST_DESCRIPTORS = 4
_CHUNK_BYTES = 1 << 16
_WITHOUT_LOG = ("--log-level", "none", "--log-level-file", "none")


def commands(receiver: socket.socket) -> Iterator[tuple[dict[str, Any], list[int]]]:
    """Commands as they come, each with its own descriptors: one look may bring several commands."""
    waiting = b""
    came: list[int] = []
    while True:
        while b"\n" not in waiting:
            chunk, descriptors, _, _ = socket.recv_fds(receiver, _CHUNK_BYTES, _MOST_DESCRIPTORS)
            came += descriptors
            if not chunk:
                return
            waiting += chunk
        line, _, waiting = waiting.partition(b"\n")
        command = json.loads(line)
        held, came = came[: command["keep_open"]], came[command["keep_open"] :]
        yield command, held


def _say(**said: Any) -> None:
    """Say it, or not if whoever asked was killed: what is begun is ended all the same, and the warehouse is let go."""
    with suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(said) + "\n")  # whole, since models run beside each other
        sys.stdout.flush()


def _tell(event: Any) -> None:
    """Say what is worth it of one of dbt's events (an `EventMsg` of dbt_common)."""
    if event.info.name == "NodeFinished":
        _say(node=event.data.node_info.node_name, status=event.data.node_info.node_status)
    elif event.info.level == "error":
        _say(error=event.info.msg)


def _code_of(own: Callable[..., None], arguments: Sequence[str]) -> int:
    try:
        own(*arguments)
    except Exception as error:  # whoever asked is told of it
        if is_machines(error):  # which is no answer: this process ends with it
            raise
        _say(error=str(error))
        return 2
    return 0


def main() -> None:
    """Do what comes until nobody can ask any longer."""
    receiver = socket.socket(fileno=os.dup(sys.stdin.fileno()))
    engine = import_module(f"orchestration.warehouse.dbt_on_{os.environ.get('RINGFENCE_ENGINE', 'duckdb')}")
    from dbt.cli.main import dbtRunner  # seconds, while others ingest

    parsed: str | None = None
    manifest: Any = None
    for command, held in commands(receiver):
        project, arguments = command["project"], command["arguments"]
        if project is None or project != parsed:
            parsed, manifest = project, None
        if project and manifest is None:
            manifest = dbtRunner().invoke([*_WITHOUT_LOG, "--no-write-json", "parse"]).result
            gc.collect()
            gc.freeze()  # an eighth of a build went into looking through the manifest for garbage
        code = 0
        if arguments:
            with engine.open_for(arguments):
                if own := engine.COMMANDS.get(arguments[0]):
                    code = _code_of(own, arguments[1:])
                else:
                    done = dbtRunner(manifest=manifest, callbacks=[_tell]).invoke([*_WITHOUT_LOG, *arguments])
                    code = 2 if done.exception else int(not done.success)
        for descriptor in held:
            os.close(descriptor)
        _say(ended=code)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:  # at a terminal it comes to this process, too
        sys.exit(130)
