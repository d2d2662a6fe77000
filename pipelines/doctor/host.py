"""The machine: cores, memory, shared memory, limits, clock."""

import ctypes
import os
import resource
import shutil
from pathlib import Path
from typing import Literal

from pipelines.doctor.finding import Finding, judge

GIB = 2**30
SHARED_MEMORY = GIB
"""Bytes free in /dev/shm below which torch's and DALI's worker processes run into "bus error"."""
OPEN_FILES = 4096
"""Open files that shards, workers and sockets of a run may need."""
_UNSYNCHRONISED = 5
"""What adjtimex(2) returns where nothing keeps the clock right."""


def host_findings() -> list[Finding]:
    """Everything that can be told without a data set."""
    return [_cores(), _memory(), shared_memory(Path("/dev/shm")), _open_files(), *_limits(), _clock()]


def _cores() -> Finding:
    usable, quota = len(os.sched_getaffinity(0)), cgroup_cores(Path("/sys/fs/cgroup/cpu.max"))
    said = f"{usable} usable of {os.cpu_count()}" + (f", {quota:g} by the container's quota" if quota else "")
    fix = f"give threads={int(quota or 1) or 1}: more than the quota are stopped and started again"
    return judge("cores", quota is None or quota >= usable, said, fix)


def cgroup_cores(path: Path) -> float | None:
    """Cores that a container may use by its quota in `path`, a cpu.max of cgroup 2; None without one."""
    if not path.is_file():
        return None
    quota, period = path.read_text().split()
    return None if quota == "max" else int(quota) / int(period)


def available_memory() -> int:
    """Bytes that the host can give, which is what the page cache of a data set can grow to."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) * 1024


def _memory() -> Finding:
    free = available_memory()
    return judge("memory", free >= 4 * GIB, f"{free / GIB:.1f} GiB available", "end other programs: a run needs 4 GiB")


def shared_memory(folder: Path) -> Finding:
    """Room in the folder of shared memory."""
    if not folder.is_dir():
        return Finding(
            "shared memory", "error", f"{folder}: no such folder", "mount a tmpfs there; containers: --shm-size=8g"
        )
    free = shutil.disk_usage(folder).free
    fix = f"remove what is left over in {folder}, or enlarge it (containers: --shm-size=8g)"
    return judge("shared memory", free >= SHARED_MEMORY, f"{free / GIB:.2f} GiB free in {folder}", fix)


def _open_files() -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    fix = f"run ulimit -n {OPEN_FILES} before"
    if hard != resource.RLIM_INFINITY and hard < OPEN_FILES:
        fix = f"the hard limit is {hard:,}: let root raise it to {OPEN_FILES:,} (limits.conf, docker --ulimit)"
    return judge("open files", soft >= OPEN_FILES, f"at most {_count(soft)}", fix)


def _limits() -> list[Finding]:
    """The limits that end or slow a run: of memory, processes, file size, and of memory that may be pinned."""
    checks: tuple[tuple[str, int, int | None, Literal["warning", "error"], str], ...] = (
        ("address space", resource.RLIMIT_AS, None, "error", "ulimit -v unlimited: data sets are mapped whole"),
        ("processes", resource.RLIMIT_NPROC, 1024, "warning", "ulimit -u 4096: workers and threads count"),
        ("file size", resource.RLIMIT_FSIZE, None, "error", "ulimit -f unlimited: checkpoints and data sets are large"),
    )
    findings = []
    for name, kind, enough, status, fix in checks:
        soft = resource.getrlimit(kind)[0]
        is_fine = soft == resource.RLIM_INFINITY or (enough is not None and soft >= enough)
        findings.append(judge(name, is_fine, f"at most {_count(soft)}", f"run {fix}", status))
    return findings


def _clock() -> Finding:
    """Whether something keeps the clock right; logs, resumed runs and rendezvous compare times of several hosts."""
    record = ctypes.create_string_buffer(512)  # struct timex with modes 0: read only
    return clock_finding(ctypes.CDLL(None).adjtimex(record))


def clock_finding(state: int) -> Finding:
    """What an answer of adjtimex(2) means; below 0 the kernel does not tell."""
    if state < 0:
        return Finding("clock", "ok", "the kernel does not tell whether it is synchronised")
    fix = "start chronyd or systemd-timesyncd; several hosts must agree on the time"
    said = "not synchronised" if state == _UNSYNCHRONISED else "synchronised"
    return judge("clock", state != _UNSYNCHRONISED, said, fix)


def _count(limit: int) -> str:
    return "unlimited" if limit == resource.RLIM_INFINITY else f"{limit:,}"
