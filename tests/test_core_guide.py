import pytest

from app.core import guide


@pytest.mark.parametrize("text", ["I am tiny; a larger model knows more.", "更大的模型懂得更多。"])
def test_the_guide_says_what_is_beyond_it(text):
    assert guide.is_beyond(guide.NAME, text)
    assert not guide.is_beyond("Qwen3-4B", text)


def test_what_the_guide_knows_is_not_beyond_it():
    assert not guide.is_beyond(guide.NAME, "Press Ctrl+N for a new chat.")
