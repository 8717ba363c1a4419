"""Reading rows straight from a SQLite file's pages, for when SQLite itself no longer can.

Every leaf page of a table tells where its rows are, without the tree above it and without the schema. Which
table a row is of is not told; its reader knows it by its shape. Format: sqlite.org/fileformat2.html.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

Value: TypeAlias = int | float | str | bytes | None

_MAGIC = b"SQLite format 3\0"
_USUAL_SIZE = 4096  # bytes of a page
_LEAF = 0x0D  # type of a leaf page of a table
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}  # serial type: bytes
_WAL_MAGICS = (0x377F0682, 0x377F0683)


def rows(path: Path) -> Iterator[tuple[int, list[Value]]]:
    """Yield the rowid and the values of every row in the intact leaf pages of the file and its -wal.

    A text whose overflow pages are lost is cut where they begin. Raises `OSError`.
    """
    pages = _Pages(path)
    for number in range(1, pages.count + 1):
        page = pages.page(number)
        start = 100 if number == 1 else 0
        if len(page) < start + 8 or page[start] != _LEAF:
            continue
        cells = int.from_bytes(page[start + 3 : start + 5], "big")
        for at in range(start + 8, min(start + 8 + 2 * cells, len(page) - 1), 2):
            try:
                yield _cell(pages, page, int.from_bytes(page[at : at + 2], "big"))
            except (IndexError, ValueError, struct.error):
                continue  # not a row


class _Pages:
    """The newest committed form of each page: of the -wal, else of the file."""

    def __init__(self, path: Path) -> None:
        self._bytes = path.read_bytes() if path.is_file() else b""
        self.size, reserved = _USUAL_SIZE, 0
        if self._bytes.startswith(_MAGIC):
            size = int.from_bytes(self._bytes[16:18], "big")
            size = 65536 if size == 1 else size
            if size >= 512 and size & (size - 1) == 0:
                self.size, reserved = size, self._bytes[20]
        self._newer: dict[int, bytes] = {}
        wal = path.with_name(path.name + "-wal")
        if wal.is_file():
            self._read_wal(wal.read_bytes())
        self.usable = self.size - reserved
        in_file = -(-len(self._bytes) // self.size)
        self.count = max([in_file, *self._newer])

    def page(self, number: int) -> bytes:
        """Return a page by its number, from 1; shorter or empty where the file ends."""
        newer = self._newer.get(number)
        if newer is not None:
            return newer
        return self._bytes[(number - 1) * self.size : number * self.size] if number > 0 else b""

    def _read_wal(self, wal: bytes) -> None:
        if len(wal) < 32 or int.from_bytes(wal[:4], "big") not in _WAL_MAGICS:
            return
        self.size = int.from_bytes(wal[8:12], "big") or self.size
        salts, pending = wal[16:24], dict[int, bytes]()
        for at in range(32, len(wal) - self.size - 23, 24 + self.size):
            if wal[at + 8 : at + 16] != salts:
                return  # left over from before the log was begun anew
            number, commit = struct.unpack(">II", wal[at : at + 8])
            pending[number] = wal[at + 24 : at + 24 + self.size]
            if commit:
                self._newer.update(pending)
                pending.clear()


def _cell(pages: _Pages, page: bytes, at: int) -> tuple[int, list[Value]]:
    length, at = _varint(page, at)
    rowid, at = _varint(page, at)
    most = pages.usable - 35
    local = length
    if length > most:
        least = (pages.usable - 12) * 32 // 255 - 23
        local = least + (length - least) % (pages.usable - 4)
        local = local if local <= most else least
    payload = page[at : at + local]
    if length > local:
        payload += _overflow(pages, int.from_bytes(page[at + local : at + local + 4], "big"), length - local)
    return rowid, _record(payload)


def _overflow(pages: _Pages, number: int, length: int) -> bytes:
    parts, seen = bytearray(), set[int]()
    while len(parts) < length and number and number not in seen:
        seen.add(number)
        page = pages.page(number)
        parts += page[4 : pages.usable]
        number = int.from_bytes(page[:4], "big")
    return bytes(parts[:length])


def _record(payload: bytes) -> list[Value]:
    end, at = _varint(payload, 0)
    if not at <= end <= len(payload):
        raise ValueError("no record")
    types = []
    while at < end:
        kind, at = _varint(payload, at)
        types.append(kind)
    values = []
    for kind in types:
        size = _INTEGERS.get(kind, 8 if kind == 7 else max(0, (kind - 12) // 2))
        values.append(_value(kind, payload[at : at + size], size))
        at += size
    return values


def _value(kind: int, raw: bytes, size: int) -> Value:
    if kind in _INTEGERS or kind == 7:
        if len(raw) < size:
            return None  # cut off
        if kind == 7:
            number: float = struct.unpack(">d", raw)[0]
            return number
        return int.from_bytes(raw, "big", signed=True)
    if kind in (8, 9):
        return kind - 8
    if kind >= 12:
        return raw.decode("utf-8", "replace") if kind % 2 else raw
    if kind:
        raise ValueError("no serial type")
    return None


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for count in range(9):
        byte = data[at + count]
        if count == 8:
            value = value << 8 | byte
            break
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            break
    return value - (1 << 64) if value >= 1 << 63 else value, at + count + 1
