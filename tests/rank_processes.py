"""Ranks of a run as processes, for tests that watch, stop and kill them.

They are forks of a server that has imported everything once and runs no threads, which spares each the seconds of a
fresh start. What they run lies in `rank_programs`.
"""

import multiprocessing
import os
import socket
import sys
from collections.abc import Callable
from multiprocessing import connection
from pathlib import Path
from typing import Any

from layermix.errors import run_program

ROOT = Path(__file__).parents[1]
_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(["rank_programs"])


def start(program: Callable[..., Any], *arguments: Any, world_size: int, output: Path) -> list[Any]:
    """Start `program(*arguments)` in `world_size` processes with the environment that torchrun would give them.

    The program's result is the exit code. What rank r prints is appended to `output`.r.
    """
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "tests")])  # the server's, when it starts
    port = _free_port()
    processes = []
    for rank in range(world_size):
        environment = {
            "RANK": rank,
            "WORLD_SIZE": world_size,
            "LOCAL_RANK": rank,
            "LOCAL_WORLD_SIZE": world_size,
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": port,
        }
        settings = {name: str(value) for name, value in environment.items()}
        process = _SERVER.Process(target=_be_rank, args=(program, arguments, settings, f"{output}.{rank}"), daemon=True)
        process.start()
        processes.append(process)
    return processes


def wait(processes: list[Any], limit: float = 120.0) -> list[int]:
    """Their exit codes, negative for a signal; those that outlive `limit` seconds are killed (TimeoutError)."""
    left = {process.sentinel: process for process in processes}
    while left:
        ended = connection.wait(list(left), timeout=limit)
        if not ended:
            for process in processes:
                process.kill()
            raise TimeoutError(f"{len(left)} of {len(processes)} ranks ran longer than {limit} s")
        for sentinel in ended:
            left.pop(sentinel).join()
    return [process.exitcode for process in processes]


def _be_rank(program: Callable[..., Any], arguments: tuple, settings: dict[str, str], output: str) -> None:
    os.environ.update(settings)
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    sys.exit(run_program(lambda _: program(*arguments)))


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
