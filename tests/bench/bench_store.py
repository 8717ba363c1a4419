"""How long the store takes with years of chats in it. It prints a table, and fails beyond its limits."""

import argparse
import itertools
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from app.core.conversation import MessageState
from app.core.generation import SamplingOptions
from app.storage import index
from app.storage.opening import check_file
from app.storage.store import Store

EVERYWHERE = "firelight"  # a word that stands in every message
LIMITS = {  # milliseconds, at the 95th of 100
    "search": 50,
    "open": 300,
    "conversations, 5,000 lines": 50,
    "branch of 20": 5,
    "branch of 2,000": 100,
    "save_reply of 20 kB": 20,
}


def vocabulary(randomness):
    """Words with the frequencies of natural texts: the n-th is n times rarer than the first."""
    syllables = [c + v for c in "bcdfghklmnprstvw" for v in "aeiou"]
    english = ["".join(randomness.choices(syllables, k=randomness.randint(1, 4))) for _ in range(30_000)]
    characters = [chr(0x4E00 + n) for n in randomness.sample(range(0x5000), 3_500)]
    chinese = ["".join(randomness.choices(characters[: 40 + n // 4], k=2)) for n in range(14_000)]
    return english, chinese


def messages(count, randomness):
    """Texts like those of chats: 40 to 4,000 characters, two thirds English, one third Chinese or mixed."""
    english, chinese = vocabulary(randomness)
    english_weights = accumulated(len(english))
    chinese_weights = accumulated(len(chinese))
    for _ in range(count):
        words = max(5, int(randomness.lognormvariate(4, 0.9)))
        kind = randomness.random()
        if kind < 0.66:
            text = " ".join(randomness.choices(english, cum_weights=english_weights, k=words))
        elif kind < 0.9:
            text = "的" + "，".join(
                "".join(randomness.choices(chinese, cum_weights=chinese_weights, k=6))
                for _ in range(words // 6 + 1)
            )
        else:
            text = "".join(randomness.choices(chinese, cum_weights=chinese_weights, k=words // 2)) + " ".join(
                randomness.choices(english, cum_weights=english_weights, k=words // 2)
            )
        yield f"{text} {EVERYWHERE} 火边聊天。"


def accumulated(count):
    total, sums = 0.0, []
    for rank in range(1, count + 1):
        total += 1 / rank
        sums.append(total)
    return sums


def fill(store, count):
    """Put `count` messages into 5,000 chats, the first of which gets a branch of 2,000."""
    randomness = random.Random(5)
    database = store._database
    with database.writing():
        for number in range(1, 5_001):
            title = f"Chat {number} about {number % 97}"
            database.run(
                "INSERT INTO conversation (id, title, created, updated) VALUES (?, ?, ?, ?)",
                *(number, title, number, number),
            )
            index.change_title(database, number, "", title)
        last = {}
        for number, text in enumerate(messages(count, randomness), start=1):
            chat = 1 if number <= 2_000 else 2 + number % 4_999
            role = "user" if chat not in last or last[chat][1] == "assistant" else "assistant"
            database.run(
                """
                INSERT INTO message (id, conversation, parent, role, state, created, text)
                VALUES (?, ?, ?, ?, 'done', ?, ?)
                """,
                *(number, chat, last.get(chat, (None,))[0], role, number, text),
            )
            index.add_message(database, number, text)
            last[chat] = (number, role)
        for chat, (leaf, _) in last.items():
            database.run("UPDATE conversation SET leaf = ? WHERE id = ?", leaf, chat)
    return randomness


def queries(store, randomness):
    english, chinese = vocabulary(random.Random(5))
    yield from {"everywhere": EVERYWHERE, "every 1": "f", "every 2": "fi", "every 3": "fir"}.items()
    yield from {
        "zh every 1": "的",
        "zh every 2": "聊天",
        "zh every 4": "火边聊天",
        "zh 1 prefix": "火",
    }.items()
    yield from {"two common": f"{english[0]} {english[1]} ", "common + none": f"{EVERYWHERE} xyzzyq"}.items()
    yield from {"common apart": f"{english[0]}-{english[0]}-{english[0]}", "zh apart": "天的火"}.items()
    yield from {"none": "xyzzyq", "five letters": english[300][:5], "many": " ".join(english[:10])}.items()
    yield from {
        "zh common": chinese[0],
        "zh rare": chinese[9_000],
        "zh two": f"{chinese[0]} {chinese[1]}",
    }.items()
    for number in range(6):
        word = randomness.choice(english[:5000])
        yield f"typed {number}", word[: randomness.randint(1, 6)]


def long_text(words=itertools.count(10_000)):  # noqa: B008 (each text another one: equal pages are not written)
    return " ".join(f"word{next(words)}" for _ in range(2_000))


def timed(action, times=20):
    """Return the 95th percentile in milliseconds."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        action()
        taken.append((time.perf_counter() - start) * 1000)
    return statistics.quantiles(taken, n=20)[-1] if times > 1 else taken[0]


def tidied(store):
    """Do what the purge left to do; returns the longest slice in milliseconds."""
    worst, has_more = 0.0, True
    while has_more:
        begun = time.perf_counter()
        has_more = store.tidy()
        worst = max(worst, (time.perf_counter() - begun) * 1000)
    return worst


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--messages", type=int, default=50_000)
    arguments.add_argument("--keep", type=Path, help="build the database here, or use the one there")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = options.keep or Path(folder) / "chats.db"
        is_new = not path.exists()
        store = Store.open(path)
        start = time.perf_counter()
        randomness = fill(store, options.messages) if is_new else random.Random(6)
        print(f"{options.messages:,} messages made in {time.perf_counter() - start:.0f} s", end=", ")
        store.close()
        print(f"file {path.stat().st_size / 1e6:.0f} MB")
        results = {"open": timed(lambda: Store.open(path).close())}
        start = time.perf_counter()
        print(f"  {'check_file (in the background)':<36}{check_file(path)}", end="")
        print(f"{(time.perf_counter() - start) * 1000:8.1f} ms")
        store = Store.open(path)
        worst = 0.0
        for name, query in queries(store, randomness):
            took = timed(lambda query=query: store.search(query))
            worst = max(worst, took)
            print(f"  search {name:<14} {query[:16]!r:<20} {len(store.search(query)):3} hits {took:8.1f} ms")
        results["search"] = worst
        results["conversations, 5,000 lines"] = timed(store.conversations)
        short = next(line.id for line in store.conversations() if line.id > 1)
        while len(store.branch(short)) < 20:
            store.add_reply(store.branch(short)[-1].id, model="m", options=SamplingOptions())
        results["branch of 20"] = timed(lambda: store.branch(short))
        results["branch of 2,000"] = timed(lambda: store.branch(1))
        store.add_exchange(2, "Hello", parent=None, model="m", options=SamplingOptions())
        _, reply = store.add_exchange(2, "Hello", parent=None, model="m", options=SamplingOptions())
        results["save_reply of 20 kB"] = timed(lambda: store.save_reply(reply.id, long_text()), 100)
        results["end_reply of 20 kB"] = timed(
            lambda: store.end_reply(reply.id, long_text(), MessageState.DONE)
        )
        results["add_exchange"] = timed(
            lambda: store.add_exchange(2, "Hello", parent=None, model="m", options=SamplingOptions()), 50
        )
        results["purge of 2,000 messages"] = timed(lambda: store.purge(1), 1)
        results["tidy, worst slice"] = tidied(store)
        store.close()
    for name, took in results.items():
        limit = LIMITS.get(name)
        print(f"  {name:<36}{took:8.1f} ms" + (f"   limit {limit}" if limit else ""))
    broken = [name for name, limit in LIMITS.items() if results[name] > limit]
    print("over the limit: " + ", ".join(broken) if broken else "within all limits")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
