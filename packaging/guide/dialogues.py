"""Makes conversations out of the corpus, without end and repeatably: the guide's training text."""

from __future__ import annotations

import random
import re
import string
from dataclasses import dataclass, field

import corpus
from corpus import Intent, Language

HOLD = "\x00"  # stands for a name while the words around it are changed


@dataclass(slots=True)
class Dialogue:
    """Messages in order; the role is "system", "user" or "assistant"."""

    messages: list[tuple[str, str]] = field(default_factory=list)
    decided: list[int] = field(
        default_factory=list
    )  # characters of each reply after which it is clear; 0: all


LANGUAGE_SHARE = (62, 38)  # English has more ways to say a thing, and is learned later
WHOLE_SHARE = {"world": 21.0, "gibberish": 0.7, "name-unknown": 1.5}
TALK = {"greeting", "how-are-you", "thanks", "bye", "ok", "sorry", "joke", "compliment", "insult", "human"}
NOT_WRAPPED = {"greeting", "thanks", "bye", "ok", "sorry", "gibberish", "how-are-you", "insult", "compliment"}


def _people() -> dict[str, list[str]]:
    lines = (corpus.HERE / "corpus" / "people.txt").read_text("utf-8").splitlines()
    pairs = [line.split(": ", 1) for line in lines if not line.startswith("#")]
    return {name: ["" if word == "_" else word for word in words.split()] for name, words in pairs}


PEOPLE = _people()
FIRST, ONSETS, VOWELS, CODAS = (PEOPLE[name] for name in ("first", "onsets", "vowels", "codas"))
SURNAMES, GIVEN, EXTRA_HAN = PEOPLE["surnames"], PEOPLE["given"], PEOPLE["extra"]
UPPER, TITLE = set(PEOPLE["upper"]), set(PEOPLE["title"])
ASKING = (
    "how|what|where|why|when|who|which|is|are|do|does|can|could|will|may|should|would|am|did|"
    "have|has|any|shall"
)


def _alike(one: str, other: str) -> int:
    """Count the characters with which both begin."""
    return next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


class Writer:
    """Writes dialogues. The same seed gives the same ones."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.languages: dict[str, Language] = {code: corpus.read(code) for code in corpus.LANGUAGES}
        self.held_out = corpus.HeldOut()
        self._secret_names = {name.lower() for name in corpus.held_out_names()}
        self._han = sorted(set(re.findall("[一-鿿]", "".join(self._all_text("zh")))))
        self._words = sorted({w.lower() for w in re.findall(r"[a-zA-Z]{3,}", " ".join(self._all_text("en")))})
        names = list(self.languages["en"].intents)
        shares = [WHOLE_SHARE.get(name, 0.55 if name in TALK else 1.0) for name in names]
        rest = sum(s for n, s in zip(names, shares, strict=True) if n != "world")
        shares = [
            s * 100 / rest if n != "world" else s * 100 / 79 for n, s in zip(names, shares, strict=True)
        ]
        self._intents, self._shares = names, shares
        self._decided = {code: self._decisions(language) for code, language in self.languages.items()}
        self.dropped = 0  # phrasings left out because they were too near to the examination

    def _decisions(self, language: Language) -> dict[str, int]:
        """Return for each answer after how many characters no other intent's answer goes on alike."""
        margin = 12 if language.code == "en" else 5
        answers = [(text, intent.name) for intent in language.intents.values() for text in intent.answers]
        return {
            text: margin + max(_alike(text, other) for other, its in answers if its != name)
            for text, name in answers
        }

    def _all_text(self, code: str) -> list[str]:
        return [path.read_text("utf-8") for path in sorted((corpus.HERE / "corpus" / code).glob("*.txt"))]

    # Names and other things to be kept in mind

    def _syllables(self, least: int, most: int) -> str:
        pick = self.rng.choice
        count = self.rng.randint(least, most)
        return "".join(
            pick(ONSETS) + pick(VOWELS) + (pick(CODAS) if self.rng.random() < 0.5 else "")
            for _ in range(count)
        )

    def _letters(self) -> str:
        return "".join(self.rng.choice(string.ascii_lowercase) for _ in range(self.rng.randint(2, 9)))

    def latin_name(self) -> str:
        """Return a name in Latin letters, known or made up."""
        roll = self.rng.random()
        if roll < 0.25:
            name = self.rng.choice(FIRST)
        elif roll < 0.8:
            name = self._syllables(1, 3).capitalize()
        elif roll < 0.9:
            name = self.rng.choice(self._words).capitalize()
        else:
            name = self._letters().capitalize()
        if self.rng.random() < 0.08:
            name += " " + self._syllables(1, 2).capitalize()
        return name.lower() if self.rng.random() < 0.1 else name

    def han_name(self) -> str:
        """Return a Chinese name, real or made up."""
        pick, roll = self.rng.choice, self.rng.random()
        given = GIVEN if self.rng.random() < 0.5 else self._han
        if roll < 0.55:
            return pick(SURNAMES) + "".join(pick(given) for _ in range(1 if self.rng.random() < 0.35 else 2))
        if roll < 0.7:
            return pick("小老阿大") + pick(given if self.rng.random() < 0.6 else SURNAMES)
        if roll < 0.78:
            return pick(given + EXTRA_HAN) * 2
        if roll < 0.93:
            return "".join(pick(given) for _ in range(self.rng.randint(2, 3)))
        return pick("小老阿大") + pick(given) + pick(EXTRA_HAN)

    def name(self, code: str) -> str:
        """Return a name nobody is examined with."""
        while True:
            is_latin = self.rng.random() < (0.96 if code == "en" else 0.15)
            name = self.latin_name() if is_latin else self.han_name()
            if not any(part in self._secret_names for part in name.lower().split()):
                return name

    def thing(self, code: str) -> str:
        """Return a word or number to be remembered."""
        roll = self.rng.random()
        if roll < 0.25:
            return str(self.rng.randint(2, 99999))
        if code == "zh" and roll < 0.75:
            return "".join(self.rng.choice(self._han) for _ in range(self.rng.randint(1, 3)))
        if roll < 0.6:
            return self.rng.choice(self._words)
        word = self._syllables(1, 3)
        return word.upper() if self.rng.random() < 0.2 else word

    # What users write

    def _noise(self, code: str) -> str:
        pick = self.rng.choice
        if code == "zh" and self.rng.random() < 0.6:
            return "".join(pick(self._han) for _ in range(self.rng.randint(1, 6)))
        letters = "asdfghjkl" if self.rng.random() < 0.4 else string.ascii_lowercase
        return "".join(pick(letters) for _ in range(self.rng.randint(3, 10)))

    def _pseudo(self, code: str) -> str:
        pick = self.rng.choice
        if code == "zh":
            if self.rng.random() < 0.25:
                return self.latin_name()
            return "".join(pick(self._han) for _ in range(self.rng.randint(2, 5)))
        words = [
            self._syllables(2, 3) if self.rng.random() < 0.6 else pick(self._words)
            for _ in range(1 if self.rng.random() < 0.6 else 2)
        ]
        text = " ".join(words)
        return text.title() if self.rng.random() < 0.4 else text

    def _fill(self, code: str):
        def fill(slot: str, rng: random.Random) -> str:
            if slot in ("name", "thing"):
                return HOLD
            if slot == "noise":
                return self._noise(code)
            if slot == "pseudo":
                return self._pseudo(code)
            if slot == "sur":
                return rng.choice(SURNAMES)
            if slot == "ask-name":
                return self._phrase(self.languages[code], self.languages[code].names["ask"])
            raise KeyError(f"no list is called {slot}")

        return fill

    def _phrase(self, language: Language, intent: Intent) -> str:
        ask = self.rng.choices(intent.asks, intent.weights)[0]
        return corpus.expand(ask, language, self.rng, self._fill(language.code)).strip()

    def ask(self, code: str, intent: Intent, *, wraps: bool = True) -> str:
        """Return one way a user may say it, with the carelessness of real ones."""
        language = self.languages[code]
        while True:
            text = self._phrase(language, intent)
            if wraps and intent.name not in NOT_WRAPPED:
                text = self._wrapped(language, text)
            text = self._careless_zh(text) if code == "zh" else self._careless_en(text)
            if not self.held_out.is_too_near(text):
                return text
            self.dropped += 1

    def _wrapped(self, language: Language, text: str) -> str:
        before, after = language.wraps["before"], language.wraps["after"]
        if self.rng.random() < 0.2:
            head = self._phrase(language, before)
            if language.code == "zh":
                text = head + text
            else:
                text = head + self.rng.choice([", ", " ", ", ", ": ", ". ", "! ", "... "]) + text
        if self.rng.random() < 0.1:
            tail = self._phrase(language, after)
            text = text + tail if language.code == "zh" else text + self.rng.choice([" ", " ", ", "]) + tail
        return text

    def _careless_en(self, text: str) -> str:
        chance = self.rng.random
        words = text.split()
        if len(words) > 3 and chance() < 0.07:
            del words[self.rng.randrange(len(words))]
        if len(words) > 3 and chance() < 0.03:
            i = self.rng.randrange(len(words) - 1)
            words[i], words[i + 1] = words[i + 1], words[i]
        if chance() < 0.1:
            i = self.rng.randrange(len(words))
            if HOLD not in words[i] and len(words[i]) > 3:
                words[i] = self._typo(words[i])
        style = chance()
        formal = style < 0.62
        words = [self._case_en(word, formal) for word in words]
        text = " ".join(words)
        if formal:
            text = text[:1].upper() + text[1:]
        elif style > 0.98 and HOLD not in text:
            text = text.upper()
        if chance() < 0.15:
            text = text.replace("'", "" if chance() < 0.6 else "’")
        if text[-1:].isalnum() or text.endswith(HOLD):
            asks = re.match(rf"(?:\W*(?:\w+[,:.!]+ )?)({ASKING})\b", text.lower())
            ending = (
                ["?", "?", "?", "?", "", "", "", " ?", "??"] if asks else [".", ".", "", "", "", "!", "?"]
            )
            text += self.rng.choice(ending)
        return text

    def _case_en(self, word: str, formal: bool) -> str:
        bare = word.strip("?!.,:;'\"").lower()
        if bare in ("i", "i'm", "i'd", "i've") and (formal or self.rng.random() < 0.3):
            return word.replace("i", "I", 1)
        if bare in UPPER and self.rng.random() < (0.8 if formal else 0.3):
            return word.upper()
        if bare in TITLE and self.rng.random() < (0.85 if formal else 0.2):
            return word.capitalize()
        return word

    def _typo(self, word: str) -> str:
        i = self.rng.randrange(len(word) - 1)
        kind = self.rng.randrange(4)
        if kind == 0:
            return word[:i] + word[i + 1] + word[i] + word[i + 2 :]
        if kind == 1:
            return word[:i] + word[i + 1 :]
        if kind == 2:
            return word[: i + 1] + word[i] + word[i + 1 :]
        return word[:i] + self.rng.choice(string.ascii_lowercase) + word[i + 1 :]

    def _careless_zh(self, text: str) -> str:
        chance = self.rng.random
        if len(text) > 5 and chance() < 0.07:
            i = self.rng.randrange(len(text))
            if text[i] != HOLD:
                text = text[:i] + text[i + 1 :]
        if len(text) > 5 and chance() < 0.02:
            i = self.rng.randrange(len(text) - 1)
            text = text[:i] + text[i + 1] + text[i] + text[i + 2 :]
        roll = chance()
        if roll < 0.15:
            text = text.lower()
        elif roll < 0.25:
            text = text.replace(" ", "")
        if text[-1] not in "？?！。!.…":
            text += self.rng.choice(["？", "？", "？", "", "", "", "?", "。", "！"])
        return text

    # Whole conversations

    def _answer_language(self, code: str, system: str) -> str:
        return {"speak-english": "en", "speak-chinese": "zh"}.get(system, code)

    def dialogue(self) -> Dialogue:
        """Return the next conversation."""
        rng = self.rng
        talk = Dialogue()
        code = rng.choices(corpus.LANGUAGES, LANGUAGE_SHARE)[0]
        system, me, user, tail = "", "", "", ""
        if rng.random() < 0.25:
            prompt_code = code if rng.random() < 0.75 else rng.choice(corpus.LANGUAGES)
            kinds = ["plain", "speak-english", "speak-chinese", "your-name", "user-name", "end-with"]
            system = rng.choices(kinds, [40, 12, 12, 12, 12, 10])[0]
            if system == "speak-english" and rng.random() < 0.5:
                code = "zh"
            if system == "speak-chinese" and rng.random() < 0.5:
                code = "en"
            text = self.ask(prompt_code, self.languages[prompt_code].system[system], wraps=False)
            filling = self.name(prompt_code) if "name" in system else self.thing(prompt_code)
            me, user = (filling if system == "your-name" else ""), (filling if system == "user-name" else "")
            tail = filling if system == "end-with" else ""
            text = text.replace(HOLD, filling)
            if rng.random() < 0.15 and system != "plain":
                extra = self.ask(prompt_code, self.languages[prompt_code].system["plain"], wraps=False)
                text = f"{text} {extra}" if rng.random() < 0.5 else f"{extra} {text}"
            talk.messages.append(("system", text))
        count = rng.choices([1, 2, 3, 4, rng.randint(5, 8), rng.randint(9, 16)], [54, 16, 17, 6, 5, 2])[0]
        plan = [""] * count
        if count >= 2 and rng.random() < 0.5:
            tell = 0 if rng.random() < 0.7 else rng.randrange(count - 1)
            plan[tell] = "tell"
            for _ in range(1 if rng.random() < 0.7 else 2):
                plan[rng.randint(min(tell + 1 + (rng.random() < 0.7), count - 1), count - 1)] = "ask"
            if tell + 1 <= count - 2 and rng.random() < 0.1:
                plan[rng.randint(tell + 1, count - 2)] = "tell"
        elif count >= 2 and rng.random() < 0.1:
            tell = rng.randrange(count - 1)
            plan[tell], plan[rng.randint(tell + 1, count - 1)] = "word-tell", "word-ask"
        elif count == 1 and rng.random() < 0.12:
            plan[0] = rng.choice(["tell", "word-tell"])
        for i in range(count):
            if user and not plan[i] and rng.random() < 0.3:
                plan[i] = "ask"
            if me and not plan[i] and rng.random() < 0.45:
                plan[i] = "me"
        word = ""
        for step in plan:
            if rng.random() < 0.08:
                code = rng.choices(corpus.LANGUAGES, LANGUAGE_SHARE)[0]
            to = self._answer_language(code, system)
            said, heard = self.languages[code], self.languages[to]
            if step in ("tell", "word-tell"):
                thing = self.name(code) if step == "tell" else self.thing(code)
                user, word = (thing, word) if step == "tell" else (user, thing)
                question = self.ask(code, said.names[step], wraps=False).replace(HOLD, thing)
                answer = (
                    rng.choice(heard.names[step].answers).replace("{name}", thing).replace("{thing}", thing)
                )
            elif step == "ask" and user:
                question = self.ask(code, said.names["ask"])
                answer = rng.choice(heard.names["ask"].recalls).replace("{name}", user)
            elif step == "word-ask":
                question = self.ask(code, said.names["word-ask"])
                answer = rng.choice(heard.names["word-ask"].recalls).replace("{thing}", word)
            elif step == "me":
                question = self.ask(code, said.intents["who"])
                answer = rng.choice(heard.system["your-name"].recalls).replace("{name}", me)
            else:
                choice = rng.choices(self._intents, self._shares)[0]
                if choice == "name-unknown" and user:
                    question = self.ask(code, said.names["ask"])
                    answer = rng.choice(heard.names["ask"].recalls).replace("{name}", user)
                else:
                    question = self.ask(code, said.intents[choice])
                    answer = rng.choice(heard.intents[choice].answers)
                    if choice == "who" and me:
                        answer = rng.choice(heard.system["your-name"].recalls).replace("{name}", me)
            comma = "，" if to == "zh" else ", "
            decided = 0 if tail or "{you}" in answer else self._decided[to].get(answer, 0)
            for kept in (user, word, me):
                if kept and kept in answer and not tail:
                    decided = answer.index(kept) + len(kept) + 2
            talk.decided.append(decided)
            answer = answer.replace("{you}", comma + user if user else "")
            talk.messages += [("user", question), ("assistant", f"{answer} {tail}" if tail else answer)]
        return talk
