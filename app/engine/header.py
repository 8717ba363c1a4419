"""What llama.cpp would abort the whole program over, found in a file's header before it gets to see it.

Read with llama.cpp's own GGUF functions. The list is of what was seen to kill the process; there may be more.
"""

from __future__ import annotations

import ctypes
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.core.errors import ModelUnreadable
from app.engine.failures import load_failure
from app.engine.native import WORDS, native

_U32, _F32, _STRING, _ARRAY = 4, 6, 8, 9  # GGUF's value types
_MOST_LAYERS = 512
_NO_WEIGHTS = {24: "I8", 25: "I16", 27: "I64", 28: "F64"}  # ggml's types that llama.cpp cannot compute with


class _Params(ctypes.Structure):
    """`gguf_init_params`, ggml/include/gguf.h."""

    _fields_ = (("no_alloc", ctypes.c_bool), ("ctx", ctypes.c_void_p))


def check_header(path: Path) -> None:
    """Raise the `AppError` that says why a file cannot be loaded, if its header tells."""
    WORDS.forget()
    init = native("gguf_init_from_file", ctypes.c_void_p, ctypes.c_char_p, _Params)
    header = init(os.fsencode(path), _Params(no_alloc=True))
    if not header:
        WORDS.pass_on()
        raise load_failure(path, WORDS.errors())
    try:
        why = _fault(_Values(header))
    finally:
        native("gguf_free", None, ctypes.c_void_p)(header)
    if why:
        raise ModelUnreadable(path, why)


class _Values:
    """The header's values. Asked for one as another type llama.cpp aborts, so the type is asked first."""

    def __init__(self, header: int) -> None:
        self._header = header

    def ask(self, name: str, result: Any, *numbers: int) -> Any:
        types = [ctypes.c_void_p, *[ctypes.c_int64] * len(numbers)]
        return native(name, result, *types)(self._header, *numbers)

    def get(self, key: str, kind: int, name: str, result: Any) -> Any:
        """Return the value of a key, None where it is missing or of another type."""
        found = native("gguf_find_key", ctypes.c_int64, ctypes.c_void_p, ctypes.c_char_p)(
            self._header, key.encode()
        )
        if found < 0 or self.ask("gguf_get_kv_type", ctypes.c_int, found) != kind:
            return None
        return found if kind == _ARRAY else self.ask(name, result, found)

    def tokens(self) -> list[bytes]:
        found = self.get("tokenizer.ggml.tokens", _ARRAY, "", None)
        if found is None or self.ask("gguf_get_arr_type", ctypes.c_int, found) != _STRING:
            return []
        count = self.ask("gguf_get_arr_n", ctypes.c_size_t, found)
        types = ctypes.c_void_p, ctypes.c_int64, ctypes.c_size_t
        text: Callable[..., bytes] = native("gguf_get_arr_str", ctypes.c_char_p, *types)
        return [text(self._header, found, n) for n in range(count)]


def _fault(values: _Values) -> str:
    """Return what is wrong, "" for nothing."""
    kind = values.get("general.architecture", _STRING, "gguf_get_val_str", ctypes.c_char_p)
    if kind is None:
        return "it does not say what kind of model it is."
    kind = kind.decode("utf-8", "replace")
    layers = values.get(f"{kind}.block_count", _U32, "gguf_get_val_u32", ctypes.c_uint32)
    if layers is not None and not 0 < layers <= _MOST_LAYERS:
        return f"it claims to have {layers:,} layers."
    for name in ("layer_norm_rms_epsilon", "layer_norm_epsilon"):
        epsilon = values.get(f"{kind}.attention.{name}", _F32, "gguf_get_val_f32", ctypes.c_float)
        if epsilon is not None and (math.isnan(epsilon) or epsilon < 0):
            return "its header holds an impossible number."
    for n in range(values.ask("gguf_get_n_tensors", ctypes.c_int64)):
        if values.ask("gguf_get_tensor_type", ctypes.c_int, n) in _NO_WEIGHTS:
            return "its weights are stored in a way that cannot be computed with."
    tokens = [token for token in values.tokens() if token]
    known = set(tokens)
    if len(known) < len(tokens):
        return "its vocabulary holds the same token twice."
    model = values.get("tokenizer.ggml.model", _STRING, "gguf_get_val_str", ctypes.c_char_p)
    if model == b"llama" and not all(
        b"<0x%02X>" % byte in known or bytes([byte]) in known for byte in range(256)
    ):
        return "its vocabulary is not of the kind that it claims."
    return ""
