"""What the program tells the user outside the conversation itself."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class NoticeKind(enum.StrEnum):
    """How much a notice matters."""

    NEWS = "news"  # goes away by itself
    WARNING = "warning"  # stays until closed
    ERROR = "error"  # stays until closed


class NoticeAction(enum.StrEnum):
    """What the button of a notice does."""

    UNDO_TRASH = "undo_trash"
    SHOW_MODELS = "show_models"
    RETRY_SAVE = "retry_save"


@dataclass(frozen=True, slots=True)
class Notice:
    """One sentence with a next step, and perhaps a button."""

    kind: NoticeKind
    sentence: str
    hint: str = ""
    action: NoticeAction | None = None
    action_label: str = ""
    topic: str = ""  # a new notice takes the place of an older one with the same topic, if not empty
