"""How much memory there is for a model."""

from __future__ import annotations

from pathlib import Path

import psutil

_GROUPS = Path("/sys/fs/cgroup")
_OWN_GROUP = Path("/proc/self/cgroup")


def free_bytes() -> int:
    """Return the bytes that can be taken now: the system's, or this process's group's if that has less."""
    free = int(psutil.virtual_memory().available)
    group = _free_in_group(_GROUPS, _OWN_GROUP)
    return free if group is None else min(free, group)


def private_bytes() -> int:
    """Return the bytes this process holds for itself; pages of files count where the system can't tell."""
    info = psutil.Process().memory_info()
    return int(info.rss) - int(getattr(info, "shared", 0))


def _free_in_group(groups: Path, own: Path) -> int | None:
    """Return what the cgroups (v2) above this process still allow; None where nothing is limited."""
    try:
        path = next(line[3:] for line in own.read_text().splitlines() if line.startswith("0::"))
    except (OSError, StopIteration, UnicodeDecodeError):
        return None  # not Linux, or cgroups of the first version
    group = groups / path.strip().lstrip("/")
    found = [free for folder in (group, *group.parents) if (free := _free_of(folder)) is not None]
    return min(found, default=None)


def _free_of(folder: Path) -> int | None:
    try:
        limit = (folder / "memory.max").read_text().strip()
        if limit == "max":
            return None
        used = int((folder / "memory.current").read_text())
        stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        # Pages of files that the kernel drops when asked count as used, and are not.
        return max(int(limit) - used + int(stat.get("inactive_file", 0)), 0)
    except (OSError, ValueError):
        return None  # the outermost group has no limit files
