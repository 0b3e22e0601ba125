"""Apache Spark's own processes on loopback, from the pyspark package: a cluster, and what stands before it.

They are stopped whatever happens, and leave nothing but what they are told to write.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyspark

_HOME = Path(pyspark.__file__).parent
MASTER = "spark://127.0.0.1:7077"
WORKERS = 2
#: Server classes that take SQL from elsewhere, by the address at which Ringfence finds them.
SERVERS = {
    "sc://127.0.0.1:15002": "org.apache.spark.sql.connect.service.SparkConnectServer",
    "thrift://127.0.0.1:10000": "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2",
}
_STARTS_IN_SECONDS = 180
_ENDS_IN_SECONDS = 20
#: Processes that live for minutes have no time for their second compiler; without that, room for code would be a fifth.
_JAVA = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m -XX:+UseSerialGC"
_DEFAULTS = """
spark.driver.host 127.0.0.1
spark.driver.bindAddress 127.0.0.1
spark.executor.cores 1
spark.executor.memory 1g
spark.executor.extraJavaOptions {java}
spark.driver.extraJavaOptions {java}
spark.sql.shuffle.partitions 4
spark.sql.adaptive.enabled false
spark.ui.enabled false
spark.eventLog.enabled true
spark.eventLog.rolling.enabled false
spark.eventLog.compress false
spark.eventLog.dir file://{folder}/events
spark.connect.grpc.binding.address 127.0.0.1
spark.sql.warehouse.dir {folder}/warehouse
spark.hadoop.javax.jdo.option.ConnectionURL jdbc:derby:;databaseName={folder}/metastore;create=true
spark.hadoop.hive.server2.thrift.bind.host 127.0.0.1
"""


@contextmanager
def cluster(folder: Path) -> Iterator[dict[str, str]]:
    """A master and two workers of one core and 1 GB each; yields the environment that a driver needs."""
    for name in ("conf", "events", "logs"):
        (folder / name).mkdir(parents=True)
    (folder / "conf" / "spark-defaults.conf").write_text(_DEFAULTS.format(folder=folder, java=_JAVA), "utf-8")
    environment = {
        "SPARK_CONF_DIR": str(folder / "conf"),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_WORKER_DIR": str(folder / "work"),
        "SPARK_DAEMON_JAVA_OPTS": _JAVA,
    }
    port = _free_port()
    page = f"http://127.0.0.1:{port}/json/"
    with ExitStack() as stack:
        deploy = "org.apache.spark.deploy"
        master = ["--host", "127.0.0.1", "--port", "7077", "--webui-port", str(port)]
        stack.enter_context(_process(folder, environment, "master", f"{deploy}.master.Master", *master))
        _until(lambda: _alive_workers(page) == 0, "the master did not start")
        for number in range(WORKERS):
            worker = ["--host", "127.0.0.1", "--cores", "1", "--memory", "1200m", "--webui-port", "0", MASTER]
            stack.enter_context(_process(folder, environment, f"worker-{number}", f"{deploy}.worker.Worker", *worker))
        _until(lambda: _alive_workers(page) == WORKERS, "the workers did not start")
        yield environment


@contextmanager
def server(folder: Path, environment: dict[str, str], address: str) -> Iterator[None]:
    """A server in front of the cluster, at one of the addresses of `SERVERS`."""
    submit = ["--master", MASTER, "--class", SERVERS[address], "--driver-memory", "2g", "spark-internal"]
    with _process(folder, environment, "server", "org.apache.spark.deploy.SparkSubmit", *submit):
        _until(lambda: _is_open(int(address.rpartition(":")[2])), f"nothing listens at {address}")
        yield


@contextmanager
def _process(folder: Path, environment: dict[str, str], name: str, main_class: str, *arguments: str) -> Iterator[None]:
    with (folder / "logs" / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            ["bash", str(_HOME / "bin" / "spark-class"), main_class, *arguments],
            env={**os.environ, **environment}, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,  # Ctrl-C is ours, who then stop it
        )  # fmt: skip
        try:
            yield
        finally:
            for how in (signal.SIGTERM, signal.SIGKILL):
                os.killpg(process.pid, how)
                try:
                    process.wait(_ENDS_IN_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    continue


def _until(is_so: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + _STARTS_IN_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            raise SystemExit(otherwise)
        time.sleep(0.3)


def _alive_workers(page: str) -> int | None:
    try:
        with urllib.request.urlopen(page, timeout=5) as answer:
            return int(json.load(answer)["aliveworkers"])
    except OSError:
        return None


def _is_open(port: int) -> bool:
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def tasks(events: Path) -> dict[str, float]:
    """Totals of all tasks in event logs: their number, CPU seconds, bytes shuffled and spilled, the largest heap."""
    total = {"tasks": 0.0, "cpu_seconds": 0.0, "shuffled_bytes": 0.0, "spilled_bytes": 0.0, "peak_heap_bytes": 0.0}
    for path in events.rglob("*"):
        for line in path.open(encoding="utf-8") if path.is_file() else ():
            if not line.startswith('{"Event":"SparkListenerTaskEnd"'):
                continue
            event = json.loads(line)
            metrics = event.get("Task Metrics") or {}
            total["tasks"] += 1
            total["cpu_seconds"] += metrics.get("Executor CPU Time", 0) / 1e9
            total["shuffled_bytes"] += metrics.get("Shuffle Write Metrics", {}).get("Shuffle Bytes Written", 0)
            total["spilled_bytes"] += metrics.get("Disk Bytes Spilled", 0)
            heap = (event.get("Task Executor Metrics") or {}).get("JVMHeapMemory", 0)
            total["peak_heap_bytes"] = max(total["peak_heap_bytes"], heap)
    return total
