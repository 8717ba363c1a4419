"""What this computer has: processor cores and memory, as far as this program may use them."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

_NO_LIMIT = 1 << 60  # cgroup v1 writes a number near 2^63 for "none"


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory this program may use, in bytes: the machine's, or its container's where that is less."""

    total: int
    available: int  # without pushing anything else out


@dataclass(frozen=True, slots=True)
class Hardware:
    """The computer at hand."""

    system: str  # such as "Linux 6.1 x86_64"
    processor: str
    physical_cores: int
    usable_threads: int
    memory: Memory


def hardware() -> Hardware:
    """Look at this computer."""
    return Hardware(
        system=f"{platform.system()} {platform.release()} {platform.machine()}".strip(),
        processor=processor_name(),
        physical_cores=physical_cores(),
        usable_threads=usable_threads(),
        memory=memory(),
    )


def usable_threads() -> int:
    """Return how many hardware threads this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


def physical_cores() -> int:
    """Return how many cores this process may run on, not counting a core's second thread."""
    cores = psutil.cpu_count(logical=False) or 0
    return max(1, min(cores or usable_threads(), usable_threads()))


def memory(root: Path = Path("/")) -> Memory:
    """Return total and available memory; `root` is where /proc and /sys are looked for."""
    machine = psutil.virtual_memory()
    total, available = int(machine.total), int(machine.available)
    for limit, used in _limits(root):
        total = min(total, limit)
        available = min(available, max(0, limit - used))
    return Memory(total, available)


def processor_name(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Return the processor's name as its maker gives it, or the kind of processor."""
    for line in _lines(cpuinfo):
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "Hardware", "Model") and value.strip():
            return " ".join(value.split())
    return platform.processor() or platform.machine()


def _limits(root: Path) -> Iterator[tuple[int, int]]:
    """Give (limit, use) in bytes of every cgroup this process is in, version 2 and 1, from the inside out.

    Memory in use that is only cache of files (`inactive_file`) can be taken back and does not count.
    """
    for line in _lines(root / "proc/self/cgroup"):
        number, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if number == "0" and not controllers:
            base = root / "sys/fs/cgroup"
            names = ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            base = root / "sys/fs/cgroup/memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        # inside a container the path is often that of the host; what it names then does not exist, and the
        # container's own limit is at the base
        place = base / group.strip("/")
        for folder in (place, *(p for p in place.parents if p == base or base in p.parents)):
            limit = _number(folder / names[0])
            if limit is None or limit >= _NO_LIMIT:
                continue
            used = _number(folder / names[1]) or 0
            yield limit, max(0, used - _stat(folder / "memory.stat", names[2]))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []  # this system has no such file


def _number(path: Path) -> int | None:
    lines = _lines(path)
    return int(lines[0]) if lines and lines[0].strip().isdecimal() else None


def _stat(path: Path, key: str) -> int:
    for line in _lines(path):
        name, _, value = line.partition(" ")
        if name == key and value.isdecimal():
            return int(value)
    return 0
