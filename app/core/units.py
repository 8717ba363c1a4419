"""How numbers are written for people."""

from __future__ import annotations

_STEPS = ("bytes", "KB", "MB", "GB", "TB")


def readable_bytes(count: int) -> str:
    """Return `count` bytes in decimal units, as file managers show them: `4.7 GB`."""
    size = float(count)
    for unit in _STEPS:
        if abs(size) < 999.5 or unit == _STEPS[-1]:
            break
        size /= 1000
    if unit == "bytes":
        return f"{count} bytes"
    return f"{size:.1f} {unit}" if size < 99.95 else f"{size:.0f} {unit}"
