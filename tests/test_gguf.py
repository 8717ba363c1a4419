import os
import random
import struct
import time
import tracemalloc
from pathlib import Path

import gguf
import numpy as np
import pytest

from app.library.facts import attention_of, kind_of_side_file, model_from, quantization_of
from app.library.gguf import HeaderDamaged, NotReadHere, read_header, read_header_of

TEMPLATE = "{% for m in messages %}{{ m.content }}{% endfor %}"


def write_model(path, *, arch="llama", name="Tiny Talker", vocabulary=300, file_type=1, template=TEMPLATE):
    """A model of two layers with the official writer; the weights are noise."""
    writer = gguf.GGUFWriter(path, arch)
    if name:
        writer.add_name(name)
    writer.add_context_length(4096)
    writer.add_embedding_length(64)
    writer.add_block_count(2)
    writer.add_feed_forward_length(128)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_file_type(file_type)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([f"tok{i}" for i in range(vocabulary)])
    writer.add_token_types([1] * vocabulary)
    writer.add_token_merges([f"a b{i}" for i in range(vocabulary)])
    writer.add_eos_token_id(2)
    if template:
        writer.add_chat_template(template)
    rng = np.random.default_rng(1)
    writer.add_tensor("token_embd.weight", rng.random((vocabulary, 64), dtype=np.float32).astype(np.float16))
    for layer in range(2):
        writer.add_tensor(f"blk.{layer}.attn_q.weight", rng.random((64, 64), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def text(value):
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(data)) + data


def entry(key, kind, value):
    return text(key) + struct.pack("<I", kind) + value


def by_hand(entries=(), tensors=b"", *, version=3, keys=None, n_tensors=0, magic=b"GGUF"):
    count = len(entries) if keys is None else keys
    return magic + struct.pack("<IQQ", version, n_tensors, count) + b"".join(entries) + tensors


ARCH = entry("general.architecture", 8, text("llama"))


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("good") / "tiny.gguf")


def test_a_good_file_tells_its_facts(good):
    model = model_from([good], "tiny", [read_header(good)])
    assert model.name == "Tiny Talker"
    assert model.architecture == "llama"
    assert model.parameters == 300 * 64 + 2 * 64 * 64
    assert model.tensor_bytes == 300 * 64 * 2 + 2 * 64 * 64 * 4
    assert model.quantization == "F16"
    assert model.context_length == 4096
    assert model.chat_template == TEMPLATE
    assert (model.layers, model.embedding_length, model.vocabulary) == (2, 64, 300)
    assert model.kv_bytes_per_token == 2 * (2 * 16 + 2 * 16) * 2  # layers x (K + V) x 2 bytes
    assert model.file_bytes == os.path.getsize(good)


def test_the_official_reader_agrees(good):
    ours, theirs = read_header(good), gguf.GGUFReader(good)
    assert ours.tensors.bytes == sum(t.n_bytes for t in theirs.tensors)
    assert ours.tensors.data_end == max(t.data_offset + t.n_bytes for t in theirs.tensors)
    assert ours.array_lengths["tokenizer.ggml.tokens"] == len(theirs.fields["tokenizer.ggml.tokens"].data)


def test_version_2_is_read():
    header = read_header_of(by_hand([ARCH], version=2))
    assert (header.version, header.text("general.architecture")) == (2, "llama")


def test_version_1_is_refused_with_a_reason():
    with pytest.raises(NotReadHere, match="version 1"):
        read_header_of(by_hand([ARCH], version=1))


def test_a_newer_version_is_refused_with_a_reason():
    with pytest.raises(NotReadHere, match="newer than this program"):
        read_header_of(by_hand([ARCH], version=4))


@pytest.mark.parametrize("version", [2, 3])
def test_big_endian_is_recognized_and_refused(version):
    data = b"GGUF" + struct.pack(">IQQ", version, 0, 0) + b"\0" * 40
    with pytest.raises(NotReadHere, match="big-endian"):
        read_header_of(data)


def test_big_endian_files_of_the_official_writer_are_recognized(tmp_path):
    writer = gguf.GGUFWriter(tmp_path / "big.gguf", "llama", endianess=gguf.GGUFEndian.BIG)
    writer.add_block_count(2)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    with pytest.raises(NotReadHere, match="big-endian"):
        read_header(tmp_path / "big.gguf")


def test_an_empty_file_is_named_empty(tmp_path):
    (tmp_path / "a.gguf").touch()
    with pytest.raises(HeaderDamaged, match="empty"):
        read_header(tmp_path / "a.gguf")


def test_another_kind_of_file_is_named_so(tmp_path):
    (tmp_path / "a.gguf").write_bytes(b"PK\x03\x04" + b"x" * 100)
    with pytest.raises(HeaderDamaged, match="not a GGUF file"):
        read_header(tmp_path / "a.gguf")


def test_missing_weights_are_noticed(good, tmp_path):
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(good.read_bytes()[:-5000])
    assert not read_header(good).is_cut_short
    assert read_header(cut).is_cut_short


def test_words_that_look_like_keys_do_not_mislead():
    """The jump over a vocabulary lands inside it here; the header must be walked again."""
    trap = b"\0\0\0\0\0\0\0tokenizer.trap"
    words = b"".join(text(word) for word in [b"a" * 600, b" " + trap + b"x" * 40, *[b"w"] * 70])
    data = by_hand(
        [
            ARCH,
            entry("tokenizer.ggml.tokens", 9, struct.pack("<IQ", 8, 72) + words),
            entry("tokenizer.ggml.eos_token_id", 4, struct.pack("<I", 7)),
        ]
    )
    header = read_header_of(data + b"\0" * 64)
    assert header.array_lengths["tokenizer.ggml.tokens"] == 72
    assert header.whole("tokenizer.ggml.eos_token_id") == 7


def test_long_arrays_are_counted_and_not_kept(good):
    header = read_header(good)
    assert header.array_lengths["tokenizer.ggml.merges"] == 300
    assert "tokenizer.ggml.merges" not in header.keys


def arch_header(*entries, arch="llama"):
    return read_header_of(by_hand([entry("general.architecture", 8, text(arch)), *entries]))


def u32(key, value):
    return entry(key, 4, struct.pack("<I", value))


def test_kv_heads_may_differ_from_layer_to_layer():
    header = arch_header(
        u32("llama.block_count", 3),
        u32("llama.embedding_length", 64),
        u32("llama.attention.head_count", 4),
        entry("llama.attention.head_count_kv", 9, struct.pack("<IQ3I", 4, 3, 2, 0, 1)),
    )
    assert attention_of(header).kv_bytes_per_token == (2 + 0 + 1) * (16 + 16) * 2


def test_key_and_value_lengths_of_their_own_count():
    header = arch_header(
        u32("llama.block_count", 2),
        u32("llama.embedding_length", 64),
        u32("llama.attention.head_count", 4),
        u32("llama.attention.head_count_kv", 2),
        u32("llama.attention.key_length", 128),
        u32("llama.attention.value_length", 32),
    )
    assert attention_of(header).kv_bytes_per_token == 2 * (2 * 128 + 2 * 32) * 2


@pytest.mark.parametrize(
    ("key", "value"),
    [("block_count", 2**32 - 1), ("embedding_length", 2**32 - 1), ("attention.head_count", 0)],
)
def test_facts_of_a_lying_header_stay_numbers(key, value):
    header = arch_header(u32(f"llama.{key}", value))
    assert attention_of(header).kv_bytes_per_token >= 0


def tensor(name, shape, kind, offset=0):
    return text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)


def test_the_weights_are_believed_before_the_file_type():
    file_type = u32("general.file_type", 1)  # "F16", left behind by a converter
    data = by_hand([ARCH, file_type], tensor("blk.0.w", (256, 8), 12), n_tensors=1)
    assert quantization_of([read_header_of(data)]) == "Q4_K"


def test_the_file_type_names_mixed_quantizations():
    file_type = u32("general.file_type", 15)
    data = by_hand([ARCH, file_type], tensor("blk.0.w", (256, 8), 12), n_tensors=1)
    assert quantization_of([read_header_of(data)]) == "Q4_K_M"


def test_a_dynamic_quantization_is_named_as_the_file_is():
    data = by_hand([ARCH, u32("general.file_type", 15)], tensor("blk.0.w", (256, 8), 12), n_tensors=1)
    assert quantization_of([read_header_of(data)], "Qwen3-8B-UD-Q4_K_XL") == "UD-Q4_K_XL"


def test_readers_of_images_and_vocabularies_are_no_chat_models():
    clip = by_hand([entry("general.architecture", 8, text("clip"))], tensor("w", (32,), 0), n_tensors=1)
    lora = by_hand([ARCH, entry("general.type", 8, text("adapter"))], tensor("w", (32,), 0), n_tensors=1)
    assert "image" in kind_of_side_file([read_header_of(clip)])
    assert "LoRA" in kind_of_side_file([read_header_of(lora)])
    assert "vocabulary" in kind_of_side_file([read_header_of(by_hand([ARCH]))])


def test_a_name_with_control_characters_is_shown_on_one_line():
    header = arch_header(entry("general.name", 8, text("a\nb\x1b[31m\0c" + "d" * 500)))
    name = model_from([Path("x.gguf")], "x", [header]).name
    assert name.startswith("a b [31m c")
    assert len(name) <= 80


HUGE = 2**63 + 5
LIES = {
    "keys": by_hand([ARCH], keys=HUGE),
    "a few too many keys": by_hand([ARCH], keys=2),
    "tensors": by_hand([ARCH], n_tensors=HUGE),
    "key length": by_hand([struct.pack("<Q", HUGE) + b"general"]),
    "text length": by_hand([text("general.name") + struct.pack("<IQ", 8, HUGE) + b"x"]),
    "array of texts": by_hand([entry("tokenizer.ggml.tokens", 9, struct.pack("<IQ", 8, HUGE))]),
    "array of numbers": by_hand([entry("a", 9, struct.pack("<IQ", 4, HUGE))]),
    "array of arrays": by_hand([entry("a", 9, struct.pack("<IQ", 9, 1) + struct.pack("<IQ", 9, 1))]),
    "kind of value": by_hand([entry("a", 77, b"12345678")]),
    "the same key twice": by_hand([ARCH, ARCH]),
    "dimensions": by_hand([ARCH], text("w") + struct.pack("<I", 2**31), n_tensors=1),
    "no dimensions": by_hand([ARCH], text("w") + struct.pack("<I", 0) + b"\0" * 40, n_tensors=1),
    "shape": by_hand([ARCH], tensor("w", (HUGE, HUGE, HUGE, HUGE), 0), n_tensors=1),
    "type": by_hand([ARCH], tensor("w", (32,), 999), n_tensors=1),
    "offset": by_hand([ARCH], tensor("w", (32,), 0, HUGE), n_tensors=1),
    "half a block": by_hand([ARCH], tensor("w", (33,), 2), n_tensors=1),
    "alignment": by_hand([u32("general.alignment", 0)]),
    "crooked alignment": by_hand([u32("general.alignment", 48)]),
    "alignment of another kind": by_hand([entry("general.alignment", 8, text("x"))]),
    "a key of a novel's length": by_hand([entry("k" * 70_000, 4, b"1234")]),
    "more texts than a vocabulary": by_hand([entry("a", 9, struct.pack("<IQ", 8, 1_600_000))])
    + bytes(12_800_000),
    "text in an array": by_hand([entry("a", 9, struct.pack("<IQQ", 8, 1, HUGE))]),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_a_lie_is_refused_in_a_sentence(lie):
    with pytest.raises(HeaderDamaged, match=r"^it.*\.$"):
        read_header_of(lie)


def malformed(source, count=400):
    """Yield damaged copies: cut, flipped, and with lying lengths, the same ones each time."""
    rng = random.Random(20)
    header_end = source.index(b"blk.1.attn_q.weight") + 60
    for _ in range(count):
        data = bytearray(source)
        if rng.random() < 0.4:
            del data[rng.randrange(header_end) :]
        for _ in range(rng.randint(0, 6)):
            if len(data) < 16:
                break
            at = rng.randrange(min(len(data), rng.choice([32, 600, header_end])))
            lie = rng.choice(
                [
                    b"\xff" * 8,
                    b"\0" * 8,
                    struct.pack("<Q", rng.getrandbits(rng.choice([8, 20, 32, 40, 63]))),
                    bytes([rng.randrange(256)]),
                ]
            )
            data[at : at + len(lie)] = lie
        if bytes(data) != source:
            yield bytes(data)


def test_damaged_files_raise_only_their_own_error_and_cost_little(good, tmp_path):
    read = refused = 0
    slowest, path = 0.0, tmp_path / "bad.gguf"
    tracemalloc.start()
    try:
        for data in malformed(good.read_bytes()):
            path.write_bytes(data)
            del data
            tracemalloc.reset_peak()
            before, start = tracemalloc.get_traced_memory()[0], time.perf_counter()
            try:
                header = read_header(path)
                model_from([path], "bad", [header])
                read += 1
            except HeaderDamaged:
                refused += 1
            slowest = max(slowest, time.perf_counter() - start)
            assert tracemalloc.get_traced_memory()[1] - before < 10_000_000
    finally:
        tracemalloc.stop()
    assert slowest < 1
    assert refused > 200
    assert read > 10  # where the damage lies in names or weights the file can still be read


@pytest.mark.parametrize("cut", range(0, 400, 7))
def test_every_cut_of_the_header_is_refused(good, tmp_path, cut):
    path = tmp_path / "cut.gguf"
    path.write_bytes(good.read_bytes()[:cut])
    with pytest.raises(HeaderDamaged):
        read_header(path)


@pytest.mark.parametrize(
    "start",
    [
        entry("tokenizer.ggml.tokens", 9, struct.pack("<IQ", 8, 200_000_000)),
        b"".join(entry(f"k{i}", 9, struct.pack("<IQ", 8, 65) + b"\0" * 8 * 65) for i in range(2000)),
        b"".join(entry(f"k{i}", 8, text(b"x" * 900_000)) for i in range(40)),
        b"".join(entry(f"k{i}", 9, struct.pack("<IQ", 0, 1000) + b"\1" * 1000) for i in range(4000)),
        entry("a", 9, struct.pack("<IQ", 0, 2**40)),
        entry("a", 9, struct.pack("<IQ", 8, 1_400_000)) + b"\0" * 100 + entry("b", 77, b""),
        text("general.name") + struct.pack("<IQ", 8, 2**40),
        b"",
    ],
    ids=[
        "tokens",
        "vocabularies",
        "templates",
        "arrays",
        "numbers",
        "many texts",
        "text",
        "keys of length zero",
    ],
)
def test_a_huge_file_of_zeros_costs_no_more(tmp_path, start):
    path = tmp_path / "huge.gguf"
    path.write_bytes(by_hand([start], keys=4096))
    os.truncate(path, 8 << 30)  # sparse: takes no room
    start = time.perf_counter()
    with pytest.raises(HeaderDamaged):
        read_header(path)
    assert time.perf_counter() - start < 1
    tracemalloc.start()
    try:
        with pytest.raises(HeaderDamaged):
            read_header(path)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
