"""Writes the trained guide as GGUF, and quantizes it with llama.cpp's own quantizer."""

from __future__ import annotations

import argparse
import ctypes
import json
from pathlib import Path

import gguf
import llama_cpp
import numpy as np
import torch
import vocabulary

ABOUT = (
    "The built-in guide of Fireside: a tiny model, trained from scratch on texts written for it. It explains "
    "the program in English and Chinese and knows nothing else."
)


@llama_cpp.llama_log_callback
def quiet(level: int, text: bytes, data: object) -> None:
    """Say nothing: llama.cpp tells hundreds of lines about each file."""


def write(folder: Path, target: Path) -> None:
    """Write what `train.py` left in the folder as a GGUF file of 32-bit floats."""
    shape = json.loads((folder / "shape.json").read_text())
    weights = torch.load(folder / "weights.pt", weights_only=True)
    tokenizer = json.loads((folder / "vocabulary.json").read_text("utf-8"))
    writer = gguf.GGUFWriter(str(target), "llama")
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name("Fireside Guide")
    writer.add_basename("fireside-guide")
    writer.add_author("The Fireside authors")
    writer.add_organization("Fireside")
    writer.add_version("1")
    writer.add_description(ABOUT)
    writer.add_license("MIT")
    writer.add_languages(["en", "zh"])
    writer.add_tags(["guide", "chat"])
    writer.add_size_label(f"{sum(w.numel() for w in weights.values()) / 1e6:.0f}M")
    writer.add_context_length(shape["context"])
    writer.add_embedding_length(shape["width"])
    writer.add_block_count(shape["layers"])
    writer.add_feed_forward_length(shape["inner"])
    writer.add_head_count(shape["heads"])
    writer.add_head_count_kv(shape["heads"])
    writer.add_rope_dimension_count(shape["width"] // shape["heads"])
    writer.add_rope_freq_base(shape["rope_base"])
    writer.add_layer_norm_rms_eps(shape["epsilon"])
    writer.add_vocab_size(shape["vocabulary"])
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    _add_vocabulary(writer, tokenizer)
    for name, weight in weights.items():
        writer.add_tensor(name, weight.float().numpy().astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_vocabulary(writer: gguf.GGUFWriter, tokenizer: dict) -> None:
    ids = tokenizer["model"]["vocab"]
    tokens = sorted(ids, key=ids.__getitem__)
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in tokenizer["model"]["merges"]]
    kinds = [
        gguf.TokenType.CONTROL if token in vocabulary.SPECIAL else gguf.TokenType.NORMAL for token in tokens
    ]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    writer.add_bos_token_id(ids[vocabulary.START])
    writer.add_eos_token_id(ids[vocabulary.END])
    writer.add_eot_token_id(ids[vocabulary.END])
    writer.add_pad_token_id(ids[vocabulary.END])
    writer.add_add_bos_token(False)
    writer.add_chat_template(vocabulary.TEMPLATE)


def quantize(source: Path, target: Path, kind: int = llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0) -> None:
    """Quantize a GGUF file with llama.cpp. Raises `RuntimeError` when it refuses."""
    llama_cpp.llama_log_set(quiet, ctypes.c_void_p(0))
    options = llama_cpp.llama_model_quantize_default_params()
    options.ftype = kind
    options.nthread = 2
    if llama_cpp.llama_model_quantize(str(source).encode(), str(target).encode(), ctypes.byref(options)):
        raise RuntimeError(f"llama.cpp could not quantize {source}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    write(folder, folder / "guide-f32.gguf")
    quantize(folder / "guide-f32.gguf", folder / "guide.gguf")
    print(f"{(folder / 'guide.gguf').stat().st_size / 1e6:.2f} MB")
