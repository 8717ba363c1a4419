from dataclasses import replace
from pathlib import Path

import pytest

from app.core.models import ModelFile

# the shape of Qwen3 4B in Q4_0
QWEN = ModelFile(
    path=Path("q.gguf"),
    parts=(Path("q.gguf"),),
    name="Qwen3 4B",
    file_bytes=2_280_000_000,
    context_length=40_960,
    tensor_bytes=2_270_000_000,
    layers=36,
    embedding_length=2560,
    kv_bytes_per_token=36 * 8 * (128 + 128) * 2,
    vocabulary=151_936,
    heads=32,
    query_width=4096,
    key_width=1024,
    feed_forward_width=3 * 9728,
)


def test_the_plan_is_weights_and_cache_and_a_little_work():
    cache = 8192 * QWEN.kv_bytes_per_token
    rest = QWEN.memory_needed(8192) - QWEN.tensor_bytes - cache
    assert 50_000_000 < rest < 200_000_000


def test_the_window_is_rounded_up_as_the_engine_does():
    assert QWEN.memory_needed(257) == QWEN.memory_needed(512) > QWEN.memory_needed(256)


@pytest.mark.parametrize("n_ctx", [0, 1_000_000])
def test_no_window_is_longer_than_the_model_knows(n_ctx):
    assert QWEN.memory_needed(n_ctx) == QWEN.memory_needed(40_960)


def test_a_state_that_does_not_grow_is_counted_once():
    hybrid = replace(QWEN, state_bytes=5_000_000)
    assert hybrid.memory_needed(4096) - QWEN.memory_needed(4096) == 5_000_000
