"""`kill -9` in the middle of a reply, again and again, with a restart on the same data each time."""

import json
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

from small_models import babbler

ROOT = Path(__file__).parents[2]
KILLS = 40
LONGEST = 1.8  # seconds of a reply before the kill
MAY_BE_LOST = 1.0  # seconds of a reply
CHATS = 8  # kills per chat; then a new one, for the window of the model is small


def kill_once(home, number, wait):
    """Start the program, have it send, kill it `wait` seconds later; returns (sent, pieces, time)."""
    env = {**os.environ, "FIRESIDE_HOME": str(home), "PYTHONPATH": str(ROOT), "QT_QPA_PLATFORM": "offscreen"}
    where = "new" if number % CHATS == 0 else "same"
    command = [sys.executable, str(Path(__file__).with_name("killed.py")), f"question {number}", where]
    with open(home / "stderr.txt", "ab") as errors:
        process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        first = process.stdout.readline()
        assert first, (home / "stderr.txt").read_text()
        lines = [first]
        reader = threading.Thread(target=lambda: lines.extend(process.stdout))
        reader.start()  # or the pipe fills up and holds the program back
        time.sleep(wait)  # the moment to kill at: nothing is waited for
        killed = time.monotonic()
    finally:
        process.kill()
        process.wait()
    reader.join()
    process.stdout.close()
    news = [json.loads(line) for line in lines if line.endswith("\n")]
    pieces = [(one["time"], one["shown"]) for one in news if "shown" in one]
    return any("sent" in one for one in news), pieces, killed


def rows(home, sql):
    database = sqlite3.connect(home / "data" / "fireside.db")
    try:
        return database.execute(sql).fetchall()
    finally:
        database.close()


def check(home, number, sent, pieces, killed):
    """Look at the file as the kill left it. Returns the seconds of the reply that are lost."""
    assert rows(home, "PRAGMA integrity_check") == [("ok",)]
    questions = rows(home, "SELECT text FROM message WHERE role = 'user' ORDER BY id")
    assert sent
    assert questions == [(f"question {n}",) for n in range(number + 1)]
    replies = rows(
        home,
        "SELECT q.text, r.state, r.text FROM message r JOIN message q ON q.id = r.parent"
        " WHERE r.role = 'assistant' ORDER BY r.id",
    )
    assert [reply[:2] for reply in replies] == [
        *((f"question {n}", "stopped") for n in range(number)),
        (f"question {number}", "writing"),
    ]
    text = replies[-1][2]
    shown = "".join(piece for _, piece in pieces)
    # what was saved may not have been told any more, but nothing stands twice
    assert shown.startswith(text) or text.startswith(shown)
    length, lost = 0, 0.0
    for moment, piece in pieces:
        length += len(piece)
        if length > len(text):
            lost = killed - moment
            break
    assert lost <= MAY_BE_LOST, f"{lost:.2f} s of the reply are lost"
    return lost


def test_forty_kills_lose_at_most_a_second_and_write_nothing_twice(tmp_path):
    (tmp_path / "models").mkdir()
    babbler(tmp_path / "models" / "babbler.gguf", layers=4, embedding=384)
    chance = random.Random(2026)
    before = ()
    for number in range(KILLS):
        sent, pieces, killed = kill_once(tmp_path, number, chance.uniform(0, LONGEST))
        check(tmp_path, number, sent, pieces, killed)
        # the replies of earlier rounds are as their restart found them
        now = rows(tmp_path, "SELECT id, text FROM message WHERE state <> 'writing' ORDER BY id")
        assert tuple(now[: len(before)]) == before
        before = tuple(now)
    assert any(len(text) > 100 for _, text in before)
