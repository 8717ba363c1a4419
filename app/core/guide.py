"""What the program knows of the guide, the small model that comes with it."""

from __future__ import annotations

NAME = "Fireside Guide"  # in its file; its replies carry it

# Every answer to what is beyond the guide has one of these, and no other has (packaging/guide/corpus.py).
_BEYOND = ("knows more", "懂得更多")


def is_beyond(model: str, text: str) -> bool:
    """Whether a reply of this model is the guide's word that a question is beyond it."""
    return model == NAME and any(words in text for words in _BEYOND)
