"""What headers say about a model: its name, size, kind, and what it takes of memory."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.core.models import ModelFile
from app.library.gguf import Header, Value

# general.file_type -> name; `llama_ftype` in llama.cpp's include/llama.h
FILE_TYPES = {
    0: "F32",
    1: "F16",
    2: "Q4_0",
    3: "Q4_1",
    7: "Q8_0",
    8: "Q5_0",
    9: "Q5_1",
    10: "Q2_K",
    11: "Q3_K_S",
    12: "Q3_K_M",
    13: "Q3_K_L",
    14: "Q4_K_S",
    15: "Q4_K_M",
    16: "Q5_K_S",
    17: "Q5_K_M",
    18: "Q6_K",
    19: "IQ2_XXS",
    20: "IQ2_XS",
    21: "Q2_K_S",
    22: "IQ3_XS",
    23: "IQ3_XXS",
    24: "IQ1_S",
    25: "IQ4_NL",
    26: "IQ3_S",
    27: "IQ3_M",
    28: "IQ2_S",
    29: "IQ2_M",
    30: "IQ4_XS",
    31: "IQ1_M",
    32: "BF16",
    36: "TQ1_0",
    37: "TQ2_0",
    38: "MXFP4",
    39: "NVFP4",
    40: "Q1_0",
}
_GUESSED = 1024  # a flag in general.file_type
_PLAIN = {"F32", "F16", "BF16"}
_DYNAMIC = re.compile(r"(?<![A-Za-z0-9])UD-[A-Z0-9_]+$", re.IGNORECASE)  # the name says more than the header
_LONGEST_NAME = 80
_NOT_A_CHAT_MODEL = {
    "clip": "an image reader that belongs to another model",
    "mmproj": "an image reader that belongs to another model",
    "adapter": "an adapter (LoRA) for another model",
    "imatrix": "an importance matrix, used to make quantizations",
    "vocab": "a vocabulary without weights",
}


@dataclass(frozen=True, slots=True)
class Attention:
    """What attention needs room for."""

    kv_bytes_per_token: int  # f16, all layers
    state_bytes: int  # of recurrent layers, independent of the window's length
    heads: int
    query_width: int  # values of all query heads of one token
    key_width: int  # values of all key heads of one token in the widest layer


def kind_of_side_file(headers: Sequence[Header]) -> str:
    """Say what the files are, if they are not a model to chat with; empty if they are one."""
    first = headers[0]
    if first.text("general.architecture") == "clip":
        return _NOT_A_CHAT_MODEL["clip"]
    if (kind := first.text("general.type")) in _NOT_A_CHAT_MODEL:
        return _NOT_A_CHAT_MODEL[kind]
    if not any(header.tensors.count for header in headers):
        return _NOT_A_CHAT_MODEL["vocab"]
    return ""


def model_from(parts: Sequence[Path], stem: str, headers: Sequence[Header]) -> ModelFile:
    """Put together what the headers of all parts say; the first one has the keys."""
    first = headers[0]
    architecture = first.text("general.architecture")
    attention = attention_of(first)
    return ModelFile(
        path=parts[0],
        parts=tuple(parts),
        name=_one_line(first.text("general.name")) or stem,
        file_bytes=sum(header.file_bytes for header in headers),
        architecture=architecture,
        parameters=sum(header.tensors.weights for header in headers),
        quantization=quantization_of(headers, stem),
        context_length=first.whole(f"{architecture}.context_length"),
        chat_template=first.text("tokenizer.chat_template"),
        tensor_bytes=sum(header.tensors.bytes for header in headers),
        layers=first.whole(f"{architecture}.block_count"),
        embedding_length=first.whole(f"{architecture}.embedding_length"),
        kv_bytes_per_token=attention.kv_bytes_per_token,
        vocabulary=first.array_lengths.get("tokenizer.ggml.tokens", 0),
        state_bytes=attention.state_bytes,
        heads=attention.heads,
        query_width=attention.query_width,
        key_width=attention.key_width,
        feed_forward_width=_feed_forward(first, architecture),
    )


def quantization_of(headers: Sequence[Header], stem: str = "") -> str:
    """Name the quantization: what the quantizer wrote, unless the weights themselves say otherwise."""
    if dynamic := _DYNAMIC.search(stem):
        return dynamic[0].upper()
    totals: dict[str, int] = {}
    for header in headers:
        for name, size in header.tensors.bytes_by_type.items():
            totals[name] = totals.get(name, 0) + size
    most = max(totals, key=lambda name: totals[name]) if totals else ""
    written = headers[0].keys.get("general.file_type")
    said = FILE_TYPES.get(written & ~_GUESSED, "") if isinstance(written, int) else ""
    if not said or (said in _PLAIN) != (most in _PLAIN):  # converters leave F16 behind in quantized files
        return most or said
    return said


def attention_of(header: Header) -> Attention:
    """Sum up the KV cache and state of all layers, as llama.cpp allots them (sliding windows at full length).

    KV: layers x kv heads x (key + value length) x 2 bytes; a layer without kv heads is recurrent.
    Latent attention (MLA) keeps one row of kv_lora_rank + rope dimensions instead.
    """
    arch = header.text("general.architecture")

    def number(key: str, default: int = 0) -> int:
        return min(header.whole(f"{arch}.{key}", default), 1 << 32)  # a lying header gives no absurd sums

    layers = min(max(number("block_count") - number("nextn_predict_layers"), 0), 4096)
    width = number("embedding_length")
    heads_value = header.keys.get(f"{arch}.attention.head_count", 0)
    heads = max((_of_layer(heads_value, i) for i in range(layers)), default=0)
    kv_value = header.keys.get(f"{arch}.attention.head_count_kv", heads_value)
    key_length = number("attention.key_length", width // heads if heads else 0)
    value_length = number("attention.value_length", width // heads if heads else 0)
    latent, rope = number("attention.kv_lora_rank"), number("rope.dimension_count", 64)
    interval = number("full_attention_interval")
    values, recurrent, most_kv = 0, 0, 0
    for layer in range(layers):
        kv_heads = _of_layer(kv_value, layer)
        most_kv = max(most_kv, kv_heads)
        if kv_heads == 0 or (interval and (layer + 1) % interval):
            recurrent += 1
        else:
            values += latent + rope if latent else kv_heads * (key_length + value_length)
    inner, state, groups = number("ssm.inner_size"), number("ssm.state_size"), number("ssm.group_count")
    if conv := number("ssm.conv_kernel"):
        row = (conv - 1) * (inner + 2 * groups * state)
    else:
        row = width * max(0, number("shortconv.l_cache") - 1)
    return Attention(
        kv_bytes_per_token=2 * values,
        state_bytes=recurrent * 4 * (row + inner * state),
        heads=heads,
        query_width=heads * key_length,
        key_width=most_kv * key_length,
    )


def _feed_forward(header: Header, arch: str) -> int:
    """Return the values one token takes in the widest feed-forward step."""
    value = header.keys.get(f"{arch}.feed_forward_length", 0)
    lengths = value if isinstance(value, tuple) else (value,)
    dense = 3 * max((n for n in lengths if isinstance(n, int)), default=0)
    used = header.whole(f"{arch}.expert_used_count")
    if not used:
        return max(dense, 0)
    expert = 3 * header.whole(f"{arch}.expert_feed_forward_length") + header.whole(f"{arch}.embedding_length")
    return max(used * expert, 0)


def _of_layer(value: Value, layer: int) -> int:
    """Return the number for one layer of a value that is one for all, or an array of them."""
    if isinstance(value, tuple):
        value = value[layer] if layer < len(value) else 0
    return min(max(value, 0), 1 << 20) if isinstance(value, int) else 0


def _one_line(text: str) -> str:
    shown = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(shown.split())[:_LONGEST_NAME]
