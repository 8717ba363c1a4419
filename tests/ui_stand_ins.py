"""Stand-ins for the controllers, and a chat to look at. Run this file to get pictures of the window."""

import datetime
import sys
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Signal

from app.core.conversation import Conversation, ConversationLine, Message, MessageState, SearchHit
from app.core.generation import FinishReason, LoadedModel, ReplyStats, Role, Usage
from app.core.models import ModelFile
from app.core.notices import Notice, NoticeAction, NoticeKind
from app.core.settings import Settings

NOW = datetime.datetime.now(datetime.UTC)


def message(id_, role=Role.ASSISTANT, text="", state=MessageState.DONE, **more):
    more.setdefault("parent", id_ - 1 if id_ > 1 else None)
    if role is Role.ASSISTANT:
        more.setdefault("model", "Qwen3-4B")
    return Message(id_, 1, role=role, text=text, state=state, created=NOW, **more)


def talk(count, words=30):
    """`count` messages, the user's first."""
    roles = (Role.USER, Role.ASSISTANT)
    text = "Some **words** of a `message` that is neither long nor short. " * (words // 12 + 1)
    return [message(i + 1, roles[i % 2], f"{i + 1}. {text}") for i in range(count)]


def line(id_, title="A chat", days=0, is_pinned=False):
    return ConversationLine(id_, title, NOW - datetime.timedelta(days=days), is_pinned)


def conversation(id_=1, title="A chat"):
    return Conversation(id_, title, False, NOW, NOW, False, None, None, "", None, "", "")


def model_file(name="Qwen3-4B", quantization="Q4_K_M", size=2_500_000_000, **more):
    path = Path(f"/models/{name}-{quantization}.gguf")
    return ModelFile(
        path,
        (path,),
        name,
        size,
        quantization=quantization,
        parameters=4_020_000_000,
        context_length=40960,
        **more,
    )


LOADED = LoadedModel(Path("/models/Qwen3-4B-Q4_K_M.gguf"), "Qwen3-4B", 8192, 40960, 151936, 1.2, True)


class _Recorder(QObject):
    """Has the slots of a controller; every call is noted in `calls`."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *arguments: self.calls.append((name, *arguments))


class Chat(_Recorder):
    opened = Signal(object, object)
    branch_changed = Signal(object)
    message_added = Signal(object)
    text_arrived = Signal(int, str)
    message_changed = Signal(object)
    progress_changed = Signal(int, str)
    replying_changed = Signal(bool)
    draft_changed = Signal(str)
    usage_changed = Signal(object)
    view_begins_changed = Signal(object)
    title_changed = Signal(str)
    details_changed = Signal(str, object)
    message_revealed = Signal(int)

    def __init__(self):
        super().__init__()
        self.conversation_id = 1
        self.is_replying = False
        self.details = ("", None)


class Chats(_Recorder):
    listed = Signal(object)
    found = Signal(str, object)
    trash_listed = Signal(object)


class Models(_Recorder):
    listed = Signal(object)
    model_changed = Signal(object)
    load_progressed = Signal(str, float)
    load_ended = Signal()
    scan_started = Signal()
    copy_progressed = Signal(str, float)

    def __init__(self):
        super().__init__()
        self.model = None
        self.is_loading = False
        self.name = ""


class SettingsStandIn(_Recorder):
    changed = Signal(object)
    refused = Signal(str, str)

    def __init__(self, **changed):
        super().__init__()
        self.settings = Settings(changed)


class NoticesStandIn(_Recorder):
    posted = Signal(object)
    withdrawn = Signal(str)


class House:
    """A window and its stand-in controllers."""

    def __init__(self, **settings):
        from app.ui.main_window import MainWindow

        self.chat, self.chats, self.models = Chat(), Chats(), Models()
        self.settings, self.notices = SettingsStandIn(**settings), NoticesStandIn()
        self.window = MainWindow(self.chat, self.chats, self.models, self.settings, self.notices)

    def tear_down(self):
        """Delete the window now; left to the event loop, windows pile up and each theme dresses them all."""
        self.window.close()
        self.window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    def open(self, messages, title="A chat"):
        self.chat.opened.emit(conversation(1, title), messages)

    def furnish(self):
        """Fill the window with a chat to look at."""
        self.models.model = LOADED
        self.models.listed.emit(MODELS)
        self.models.model_changed.emit(LOADED)
        self.chats.listed.emit(CHATS)
        self.chat.usage_changed.emit(Usage(3120, 8192, True))
        self.open(SAMPLE, "Trip to Bern")


MODELS = [
    model_file(),
    model_file("Llama-3.2-3B-Instruct", "Q8_0", 3_420_000_000),
    model_file("Gemma-3-12B", "Q4_K_M", 7_300_000_000),
    model_file("Broken", "", 12_000, problem="The file is cut short."),
]
CHATS = [
    line(2, "Thesis notes", 3, True),
    line(1, "Trip to Bern"),
    line(3, "Regex for dates in log files"),
    line(4, "Rezept für Zwetschgenkuchen", 1),
    line(5, "解释一下注意力机制", 1),
    line(6, "Reading list on the history of typography and printing", 4),
    line(7, "Tax questions", 5),
    line(8, "Names for a cat", 24),
    line(9, "Garden plan", 60),
]
STATS = ReplyStats(412, 380, 236, 0.8, 16.6)
SAMPLE = [
    message(1, Role.USER, "Two days in Bern with children, by train. What should we not miss?"),
    message(
        2,
        text="""The old town is small enough to walk. Three things that children remember:

1. **The bears** in the *BärenPark* by the river, free at any hour.
2. The **Zytglogge**: be there four minutes before the full hour.
3. A swim in the Aare at the *Marzili*, if it is warm.

| Place | Time | Cost |
|:------|-----:|-----:|
| BärenPark | 1 h | free |
| Zytglogge, with tour | 50 min | CHF 20 |
| Gurten, funicular | half a day | CHF 11 |

> The river is cold and quick. Stay near the steps.
""",
        stats=STATS,
        siblings=3,
        position=2,
        sibling_before=20,
        sibling_after=21,
    ),
    message(
        3, Role.USER, "And a line of Python that tells me how many minutes remain until the next full hour?"
    ),
    message(
        4,
        text="""Here it is; `60 - minute` would say 60 at the full hour itself:

```python
import datetime

now = datetime.datetime.now()
print((60 - now.minute) % 60, "minutes")
```

Or in Chinese: 距离下一个整点还有几分钟。See [the documentation](https://docs.python.org/3/library/datetime.html).""",
        stats=STATS,
        state=MessageState.STOPPED,
        finish=FinishReason.CANCELLED,
    ),
]
HITS = [
    SearchHit(1, None, "Trip to Bern", "Trip to Bern", ((8, 12),), NOW),
    SearchHit(
        4, 9, "Rezept", "… the recipe of a baker in Bern, from the year 1921 and so on", ((27, 31),), NOW
    ),
]


def take_pictures(folder):
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QApplication

    app = QApplication([])
    for theme in ("light", "dark"):
        house = House(theme=theme)
        window = house.window
        window.resize(1180, 800)
        window.show()

        def take(name, widget=window, theme=theme):
            QTest.qWait(120)
            widget.grab().save(f"{folder}/{theme}-{name}.png")

        take("first-run")
        house.furnish()
        take("chat")
        house.chat.view_begins_changed.emit(3)
        undo = Notice(NoticeKind.NEWS, "“Old chat” is in the trash.", "", NoticeAction.UNDO_TRASH, "Undo")
        house.notices.posted.emit(undo)
        house.notices.posted.emit(Notice(NoticeKind.ERROR, "The disk is full.", "Free some space on it."))
        failed = replace(
            SAMPLE[-1], state=MessageState.FAILED, failure="The engine broke.", hint="Try again."
        )
        house.chat.message_changed.emit(failed)
        house.chat.usage_changed.emit(Usage(9000, 8192, False))
        window.sidebar.search.setText("Bern")
        house.chats.found.emit("Bern", HITS)
        take("notices")
        house.chat.message_added.emit(message(5, Role.USER, "Thanks!"))
        house.chat.message_added.emit(message(6, Role.ASSISTANT, "", MessageState.WRITING))
        house.chat.progress_changed.emit(6, "Reading 512 of 3,000 tokens")
        house.chat.replying_changed.emit(True)
        house.models.load_progressed.emit("Gemma-3-12B", 0.4)
        window.chat_page.composer.field.setPlainText("One line\nand another\nand a third")
        take("writing")
        house.chat.replying_changed.emit(False)
        window.chat_page.transcript.last_of(Role.USER).do("edit")
        take("editing")
        window.wiring._show_models()
        take("models")
        window.wiring._show_trash()
        house.chats.trash_listed.emit(CHATS[5:])
        take("trash")
        window.wiring._show_settings()
        take("settings", window.wiring._settings_dialog)
        window.wiring._settings_dialog.close()
        window.wiring._show_options()
        take("options", QApplication.activeModalWidget())
        QApplication.activeModalWidget().close()
        window.wiring._show_shortcuts()
        take("shortcuts", QApplication.activeModalWidget())
        QApplication.activeModalWidget().close()
        house.open([], "")
        take("greeting")
        window.close()
    app.quit()


if __name__ == "__main__":
    take_pictures(sys.argv[1])
