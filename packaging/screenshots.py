"""Makes the README's pictures of the window, light and dark, from a sample chat in a folder of its own.

    .venv/bin/python packaging/screenshots.py [FOLDER]

Without a folder: `resources/screenshots`. Needs no screen and no model.
"""

import os
import sys
import tempfile
from pathlib import Path

from PySide6.QtCore import QSize
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.bootstrap import Program
from app.core.conversation import MessageState
from app.core.generation import FinishReason, LoadSpec, ReplyStats, SamplingOptions
from app.core.jobs import CancelToken
from app.engine.fake import FakeBackend
from app.storage.store import Store
from app.system import paths

ROOT = Path(__file__).resolve().parent.parent
MODEL = "Qwen3-4B Q4_K_M"
SIZE = QSize(1180, 800)
SETTLE = 1500  # milliseconds for the layout and the fonts
OTHERS = ("Trip to Bern", "Regex for dates", "二十四节气", "A letter to the landlord", "Sourdough, third try")
QUESTION = "How does a bicycle stay upright? I always thought it was the gyroscopes."
ANSWER = """\
The wheels do act as gyroscopes, but they are a small part of it. A bicycle stays up because it **steers \
into its own fall**:

1. It tips to the left, a little.
2. The front wheel turns left, because of how the fork is built.
3. The wheels roll back under the weight, and it stands again.

The turn needed is small. For a lean `φ` at speed `v`, with the wheels a distance `w` apart:

```python
def steering(lean, speed, wheelbase, g=9.81):
    \"\"\"Angle of the handlebar, in radians, that balances a lean.\"\"\"
    return wheelbase * g * lean / speed**2
```

So at twice the speed a quarter of the angle is enough, which is why riding slowly is the hard part.
"""
FOLLOW_UP = "And with no hands?"
FIRST_TRY = "The same way: it steers by itself when it leans, and you lean with your hips."
SECOND = """\
Then you lean instead of steering: shift your hips to the right, and the bicycle tips to the left and steers \
left by itself. Engineers have built one whose gyroscopic effect is cancelled by wheels turning backward. It \
still stays upright."""


def sample(store):
    """Fill an empty store with chats to look at."""
    options = SamplingOptions()
    stats = ReplyStats(
        prompt_tokens=214, cached_tokens=180, reply_tokens=171, prompt_seconds=0.6, reply_seconds=12.0
    )

    def end(reply, text):
        store.end_reply(reply.id, text, MessageState.DONE, finish=FinishReason.STOP, stats=stats, model=MODEL)

    for title in reversed(OTHERS):
        chat = store.new_conversation()
        store.rename(chat.id, title)
        _, reply = store.add_exchange(chat.id, title, parent=None, model=MODEL, options=options)
        end(reply, "…")
    pinned = store.new_conversation()
    store.rename(pinned.id, "Thesis notes")
    store.pin(pinned.id, True)
    chat = store.new_conversation()
    store.rename(chat.id, "Why bicycles stay upright")
    _, reply = store.add_exchange(chat.id, QUESTION, parent=None, model=MODEL, options=options)
    end(reply, ANSWER)
    question, reply = store.add_exchange(chat.id, FOLLOW_UP, parent=reply.id, model=MODEL, options=options)
    end(reply, FIRST_TRY)
    end(store.add_reply(question.id, model=MODEL, options=options), SECOND)
    return chat.id


def picture(app, theme, folder):
    """Show the window in one theme and keep what it looks like."""
    with tempfile.TemporaryDirectory() as home:
        places = paths.places({"FIRESIDE_HOME": home})
        paths.prepare(places)
        store = Store.open(places.database)
        chat = sample(store)
        store.close()
        backend = FakeBackend(n_ctx=8192)
        backend.load(LoadSpec(Path(home) / "sample.gguf", name=MODEL), lambda _: None, CancelToken())
        program = Program(places, backend)
        program.settings.change("theme", theme)
        program.window.resize(SIZE)
        program.show()
        program.window.resize(SIZE)
        program.chat.open(chat)
        QTest.qWait(SETTLE)
        target = folder / f"{theme}.png"
        if not program.window.grab().save(str(target)):
            raise SystemExit(f"{target} cannot be written")
        print(target)
        program.close()
        app.processEvents()


def main():
    """Make both pictures."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "resources" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    app = QApplication([])
    for theme in ("light", "dark"):
        picture(app, theme, folder)


if __name__ == "__main__":
    main()
