"""The header of a GGUF file, read without believing it.

A header is walked once through a memory map. Nothing large is built: arrays as long as a
vocabulary are stepped over and only counted, tensors are summed up as they pass. Every length
and count is held against the size of the file, and against a limit of ours, before it is used;
so a damaged file costs no more time or memory than a good one.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from typing import TypeAlias

Scalar: TypeAlias = bool | int | float | str
Value: TypeAlias = Scalar | tuple[Scalar, ...]

# type id of a tensor -> (name, weights per block, bytes per block)
TENSOR_TYPES: Mapping[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34),
    9: ("Q8_1", 32, 36),
    10: ("Q2_K", 256, 84),
    11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210),
    15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66),
    17: ("IQ2_XS", 256, 74),
    18: ("IQ3_XXS", 256, 98),
    19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18),
    21: ("IQ3_S", 256, 110),
    22: ("IQ2_S", 256, 82),
    23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1),
    25: ("I16", 1, 2),
    26: ("I32", 1, 4),
    27: ("I64", 1, 8),
    28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56),
    30: ("BF16", 1, 2),
    34: ("TQ1_0", 256, 54),
    35: ("TQ2_0", 256, 66),
    39: ("MXFP4", 32, 17),
    40: ("NVFP4", 64, 36),
    41: ("Q1_0", 128, 18),
}

_STRING, _ARRAY = 8, 9
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_SIZES = {kind: struct.calcsize("<" + code) for kind, code in _NUMBERS.items()}

# Limits of ours. Real files stay far below: the largest vocabularies have 262,144 tokens and twice as many
# merges, the largest models a few thousand tensors, the longest chat templates some 50 KB.
_MOST_KEYS = 4096
_MOST_TENSORS = 65_536
_LONGEST_KEY = 1024
_LONGEST_NAME = 256
_LONGEST_HEADER = 64 << 20  # bytes; the longest known has 16 MB
_MOST_STRINGS = 1_500_000  # stepped over one by one, in all; about 0.4 s
_LONGEST_KEPT = 1 << 20  # bytes of one text
_MOST_KEPT = 8 << 20  # bytes of all texts together
_LONGEST_ARRAY_KEPT = 1024
_MOST_NUMBERS_KEPT = 65_536  # in arrays, in all
_MOST_WEIGHTS = 1 << 48
_NEXT_TOKENIZER_KEY = b"\0\0\0\0\0\0\0tokenizer."  # the upper bytes of a key's length, and how the key begins

_CUT = "its header is cut short or damaged."

_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")


class HeaderDamaged(ValueError):
    """The file is no GGUF file, or a damaged one; `str()` is the reason, to follow "… cannot be used: "."""


class NotReadHere(HeaderDamaged):
    """The file is whole, but of a version or byte order that is not read."""


@dataclass(frozen=True, slots=True)
class Tensors:
    """All tensors of a file, summed up."""

    count: int = 0
    weights: int = 0
    bytes: int = 0  # of the weights, without the gaps between tensors
    data_end: int = 0  # where the last one ends, in bytes from the start of the file
    bytes_by_type: Mapping[str, int] = field(default_factory=dict)
    names: frozenset[str] = frozenset()  # of those outside the layers, such as output.weight


@dataclass(frozen=True, slots=True)
class Header:
    """What the header of one file says."""

    version: int
    keys: Mapping[str, Value]  # without long arrays
    array_lengths: Mapping[str, int]  # of every array, the long ones too
    tensors: Tensors
    file_bytes: int

    @property
    def is_cut_short(self) -> bool:
        """Whether the file ends before its last tensor does."""
        return self.tensors.data_end > self.file_bytes

    def text(self, key: str) -> str:
        """Return the text under that key; empty if there is none."""
        value = self.keys.get(key, "")
        return value if isinstance(value, str) else ""

    def whole(self, key: str, default: int = 0) -> int:
        """Return the whole number under that key, `default` if there is none or it is negative."""
        value = self.keys.get(key, default)
        return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else default


def read_header(path: Path) -> Header:
    """Read the header of one file. Raises `HeaderDamaged`, and `OSError` where the file cannot be opened."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        if size < 24:
            raise HeaderDamaged("it is empty." if size == 0 else "it is too short to be a GGUF file.")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            return _read(mapped, size, mapped.find)


def read_header_of(data: bytes) -> Header:
    """Read the header of a file whose bytes are in memory. Raises `HeaderDamaged`."""
    if len(data) < 24:
        raise HeaderDamaged("it is too short to be a GGUF file.")
    return _read(data, len(data), data.find)


_Find: TypeAlias = Callable[[bytes, int, int], int]


def _read(data: bytes | mmap.mmap, file_bytes: int, find: _Find) -> Header:
    version = _check_start(bytes(data[:8]))
    end = min(len(data), _LONGEST_HEADER)
    with memoryview(data) as view:
        walk = _Walk(view, end, find)
        try:
            return walk.header(version, file_bytes)
        except HeaderDamaged:
            if not walk.has_jumped:
                raise
            # the words of a vocabulary may have looked like what follows it
            return _Walk(view, end, None).header(version, file_bytes)


def _check_start(start: bytes) -> int:
    if start[:4] != b"GGUF":
        raise HeaderDamaged("it is not a GGUF file.")
    version = _U32.unpack_from(start, 4)[0]
    if version in (2, 3):
        return int(version)
    if int.from_bytes(start[4:8], "big") in (2, 3):
        raise NotReadHere("it was made for big-endian computers, which this program does not read.")
    if version == 1:
        raise NotReadHere("it is of GGUF version 1, which llama.cpp no longer reads.")
    if version < 100:
        raise NotReadHere(f"it is of GGUF version {version}, which is newer than this program.")
    raise HeaderDamaged("its header is damaged (the version makes no sense).")


class _Walk:
    """One walk over a header, from its start to the end of the tensor list."""

    def __init__(self, view: memoryview, end: int, find: _Find | None) -> None:
        self.view = view
        self.end = end
        self.find = find
        self.has_jumped = False
        self.at = 8
        self.strings_left = _MOST_STRINGS
        self.text_left = _MOST_KEPT
        self.numbers_left = _MOST_NUMBERS_KEPT
        self.keys: dict[str, Value] = {}
        self.array_lengths: dict[str, int] = {}

    def header(self, version: int, file_bytes: int) -> Header:
        tensors, keys = self.u64(), self.u64()
        if keys > _MOST_KEYS or tensors > _MOST_TENSORS:
            raise HeaderDamaged("its header is damaged (the counts in it are impossible).")
        for _ in range(keys):
            self.read_key()
        summed = self.read_tensors(tensors)
        return Header(version, self.keys, self.array_lengths, summed, file_bytes)

    def step(self, count: int) -> int:
        """Go `count` bytes on, and return where they begin."""
        at = self.at
        if count > self.end - at:
            raise HeaderDamaged(_CUT)
        self.at = at + count
        return at

    def u32(self) -> int:
        return int(_U32.unpack_from(self.view, self.step(4))[0])

    def u64(self) -> int:
        return int(_U64.unpack_from(self.view, self.step(8))[0])

    def text(self, longest: int) -> str:
        length = self.u64()
        if length > longest:
            raise HeaderDamaged("its header is damaged (a name in it is too long).")
        at = self.step(length)
        return str(self.view[at : at + length], "utf-8", "replace")

    def read_key(self) -> None:
        key = self.text(_LONGEST_KEY)
        if key in self.keys or key in self.array_lengths:
            raise HeaderDamaged("its header is damaged (an entry is there twice).")
        kind = self.u32()
        if kind == _STRING:
            self.read_text(key)
        elif kind == _ARRAY:
            self.read_array(key)
        elif kind in _NUMBERS:
            self.keys[key] = struct.unpack_from("<" + _NUMBERS[kind], self.view, self.step(_SIZES[kind]))[0]
        else:
            raise HeaderDamaged("its header is damaged (an entry is of an unknown kind).")

    def read_text(self, key: str) -> None:
        length = self.u64()
        at = self.step(length)
        if length <= min(_LONGEST_KEPT, self.text_left):
            self.text_left -= length
            self.keys[key] = str(self.view[at : at + length], "utf-8", "replace")

    def read_array(self, key: str) -> None:
        kind, count = self.u32(), self.u64()
        if kind == _STRING:
            self.skip_strings(count)
        elif kind in _NUMBERS:
            at = self.step(count * _SIZES[kind])
            if count <= min(_LONGEST_ARRAY_KEPT, self.numbers_left):
                self.numbers_left -= count
                self.keys[key] = struct.unpack_from(f"<{count}{_NUMBERS[kind]}", self.view, at)
        else:  # llama.cpp reads no arrays of arrays either
            raise HeaderDamaged("its header is damaged (an entry is of an unknown kind).")
        self.array_lengths[key] = count

    def skip_strings(self, count: int) -> None:
        if count > (self.end - self.at) // 8:  # each has its length in front
            raise HeaderDamaged(_CUT)
        if count > 64 and self.jump(count):
            return
        self.strings_left -= count
        if self.strings_left < 0:
            raise HeaderDamaged("its header is damaged (it has more texts than any vocabulary).")
        at, last, view, unpack = self.at, self.end - 8, self.view, _U64.unpack_from
        for _ in repeat(None, count):  # the hot loop
            if at > last:
                raise HeaderDamaged(_CUT)
            at += 8 + unpack(view, at)[0]
        self.step(at - self.at)

    def jump(self, count: int) -> bool:
        """Go to the next key of the tokenizer at the speed of a search; return whether one was found."""
        if self.find is None:
            return False
        least = self.at + 8 * count
        found = self.find(_NEXT_TOKENIZER_KEY, least + 1, self.end) - 1
        if found < least or not len(b"tokenizer.") < self.view[found] < 64:
            self.find = None  # or each further array would search the rest of the header again
            return False
        self.at, self.has_jumped = found, True
        return True

    def read_tensors(self, count: int) -> Tensors:
        weights = total = data_end = 0
        by_type: dict[str, int] = {}
        names: set[str] = set()
        for _ in range(count):
            name = self.text(_LONGEST_NAME)
            if not name.startswith("blk.") and len(names) < 256:
                names.add(name)
            size, elements, type_name = self.read_shape()
            offset = self.u64()
            if offset > 1 << 56:
                raise HeaderDamaged("its header is damaged (a tensor lies at an impossible place).")
            weights, total, data_end = weights + elements, total + size, max(data_end, offset + size)
            by_type[type_name] = by_type.get(type_name, 0) + size
        alignment = self.keys.get("general.alignment", 32)
        if not isinstance(alignment, int) or not 1 <= alignment <= 1 << 20 or alignment & (alignment - 1):
            raise HeaderDamaged("its header is damaged (the alignment is impossible).")
        start = -(-self.at // alignment) * alignment
        return Tensors(count, weights, total, start + data_end if count else 0, by_type, frozenset(names))

    def read_shape(self) -> tuple[int, int, str]:
        """Return the size in bytes, the number of weights and the type of the tensor at hand."""
        dimensions = self.u32()
        if not 1 <= dimensions <= 4:
            raise HeaderDamaged("its header is damaged (a tensor has an impossible shape).")
        shape = struct.unpack_from(f"<{dimensions}Q", self.view, self.step(8 * dimensions))
        kind = self.u32()
        if kind not in TENSOR_TYPES:
            raise NotReadHere(f"it has weights of a kind this program does not know (type {kind}).")
        type_name, block, block_bytes = TENSOR_TYPES[kind]
        elements = 1
        for side in shape:
            elements *= side
        if elements > _MOST_WEIGHTS or shape[0] % block:
            raise HeaderDamaged("its header is damaged (a tensor has an impossible shape).")
        return elements // block * block_bytes, elements, type_name
