"""How long the window keeps its thread busy with 5,000 chats and 100,000 messages in the database.

Prints the main thread's time for opening the window (store, rooms, widgets, first paint) and for switching
chats, each program in a process of its own; fails beyond the limits. `--keep FILE` builds the database once.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).parents[2]))

from bench_store import fill
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication

from app.bootstrap import Program
from app.engine.fake import FakeBackend
from app.storage.store import Store
from app.system import paths

MESSAGES = 100_000
RUNS = 5
SWITCHES = 12  # per run
LIMITS = {"open": 150, "after the paint": 150, "switch": 50}  # milliseconds of the main thread, medians
YEARS = 2 * 365 * 86_400_000  # milliseconds
REPLY = """\
It **steers into its own fall**, in three steps:

1. It tips to the left, a little.
2. The front wheel turns left, because of how the `fork` is built.
3. The wheels roll back under the weight, and it stands again.

| speed | angle |
|------:|------:|
| 3 m/s | 4.1°  |
| 6 m/s | 1.0°  |

```python
def steering(lean, speed, wheelbase, g=9.81):
    return wheelbase * g * lean / speed**2
```

So at twice the speed a quarter of the angle is enough. 骑得慢才难。
"""


def build(path):
    """Make the database: chats over two years, replies with Markdown in each other one."""
    store = Store.open(path)
    fill(store, MESSAGES)
    now = time.time() * 1000
    with store._database.writing():
        store._database.run("UPDATE conversation SET updated = ? + id / 5000.0 * ?", int(now - YEARS), YEARS)
        store._database.run(
            "UPDATE message SET text = ?"
            " WHERE role = 'assistant' AND conversation % 2 = 0 AND conversation < 500",
            REPLY,
        )
    store.close()


def settle(app):
    """Let everything happen that is due now, deletions included."""
    for _ in range(5):
        app.processEvents()
        app.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def measure(app, action):
    """Return the main thread's milliseconds for an action and what follows from it at once."""
    begun = time.thread_time()
    action()
    settle(app)
    return (time.thread_time() - begun) * 1000


def once(home):
    """Open the window on this data and switch chats; prints the milliseconds as JSON."""
    app = QApplication([])
    places = paths.places({"FIRESIDE_HOME": home})
    begun = time.thread_time()
    program = Program(places, FakeBackend())
    painted = []
    program.first_paint.painted.connect(lambda: painted.append(time.thread_time()))
    program.show()
    while not painted:
        app.processEvents()
    settle(app)
    found = {
        "open": [(painted[0] - begun) * 1000],
        "after the paint": [(time.thread_time() - painted[0]) * 1000],
        "switch": [],
        "switch, plain text": [],
    }
    for number in range(SWITCHES):
        found["switch"].append(measure(app, partial(program.chat.open, 100 + 2 * number)))
        found["switch, plain text"].append(measure(app, partial(program.chat.open, 101 + 2 * number)))
    found["switch, 2,000 messages"] = [measure(app, partial(program.chat.open, 1))]
    program.chat.open(100)  # with which the next run begins
    program.close()
    print(json.dumps(found))


def main():
    """Build, measure, print, and say by the exit status whether the limits hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--once", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        once(options.once)
        return 0
    with tempfile.TemporaryDirectory() as home:
        places = paths.places({"FIRESIDE_HOME": home})
        paths.prepare(places)
        built = options.keep or Path(home) / "built.db"
        if not built.exists():
            begun = time.perf_counter()
            build(built)
            print(f"database made in {time.perf_counter() - begun:.0f} s")
        shutil.copyfile(built, places.database)
        results = {}
        env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        for _ in range(RUNS):
            command = [sys.executable, __file__, "--once", home]
            done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
            for name, taken in json.loads(done.stdout).items():
                results.setdefault(name, []).extend(taken)
    for name, taken in results.items():
        limit = f"   limit {LIMITS[name]}" if name in LIMITS else ""
        print(f"{name:24} median {statistics.median(taken):6.1f} ms   worst {max(taken):6.1f} ms{limit}")
    return int(any(statistics.median(results[name]) > most for name, most in LIMITS.items()))


if __name__ == "__main__":
    sys.exit(main())
