"""Makes the built-in guide from its corpus: learns, converts, quantizes, examines. `make guide` runs this."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import time
from pathlib import Path

import convert
import corpus
import evaluate
import train

ROOT = corpus.HERE.parents[1]
TARGET = ROOT / "resources" / "guide"
FILE = "fireside-guide.gguf"
LARGEST = 8_000_000  # bytes
NETWORK = [
    "--width",
    "192",
    "--heads",
    "6",
    "--layers",
    "6",
    "--inner",
    "512",
    "--batch",
    "2048",
    "--rate",
    "0.015",
]
POLISH = 0.1  # of the time, after it
TABLE = re.compile(r"(<!-- figures -->\n).*?(<!-- end -->)", re.DOTALL)


def misses(figures: evaluate.Figures) -> list[str]:
    """Return what the guide does not reach, as sentences."""
    found = [
        f"{evaluate.LABEL[group]}, {code}: {figures.share(f'{group} {code}'):.1f} % of {needed} %"
        for group, needed in evaluate.NEEDED.items()
        for code in corpus.LANGUAGES
        if figures.share(f"{group} {code}") < needed
    ]
    if figures.ended < 0.99 * figures.replies:
        found.append(f"only {figures.ended} of {figures.replies} replies end by themselves")
    return found


def install(folder: Path, table: str) -> None:
    """Put the quantized file and its figures where the program finds them."""
    TARGET.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(folder / "guide.gguf", TARGET / FILE)
    card = TARGET / "README.md"
    card.write_text(
        TABLE.sub(lambda found: found[1] + table + "\n" + found[2], card.read_text("utf-8")), "utf-8"
    )


def main() -> int:
    """Do it all; 0 when the guide is good enough and in its place."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "build" / "guide", help="for what is made on the way"
    )
    parser.add_argument("--minutes", type=float, default=70.0, help="of training, before it is polished")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--without-training", action="store_true", help="use the weights in the folder")
    given = parser.parse_args()
    began = time.monotonic()
    if not given.without_training:
        words = [
            str(given.folder),
            "--minutes",
            str(given.minutes),
            "--threads",
            str(given.threads),
            "--bfloat16",
        ]
        train.train(train.arguments([*words, *NETWORK]))
        # the replies are mostly learned by their beginnings; now they are polished as a whole
        words[2] = str(given.minutes * POLISH)
        polish = ["--start-from", str(given.folder / "weights.pt"), "--rate", "0.004", "--brief", "0.25"]
        train.train(train.arguments([*words, *NETWORK, *polish, "--seed", "2"]))
    exact, small = given.folder / "guide-f32.gguf", given.folder / "guide.gguf"
    convert.write(given.folder, exact)
    convert.quantize(exact, small)
    differing = evaluate.check_tokens(small, given.folder / "vocabulary.json")
    figures = {
        "32-bit": evaluate.examine(exact, given.threads),
        "Q8_0": evaluate.examine(small, given.threads),
    }
    table = evaluate.table(figures)
    print(table)
    problems = misses(figures["Q8_0"])
    problems += [f"{differing} texts are split otherwise by llama.cpp"] if differing else []
    problems += [f"the file has {small.stat().st_size} bytes"] if small.stat().st_size > LARGEST else []
    problems += [
        f"{kind}: quantizing costs more than 3 points"
        for kind in figures["32-bit"].asked
        if figures["32-bit"].share(kind) - figures["Q8_0"].share(kind) > 3
    ]
    print(f"{small.stat().st_size / 1e6:.1f} MB after {(time.monotonic() - began) / 60:.0f} minutes")
    print("\n".join(figures["Q8_0"].wrong))
    if problems:
        print("Not good enough, and not installed:\n" + "\n".join(problems), file=sys.stderr)
        return 1
    install(given.folder, table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
