"""The built-in guide: the real model in `resources/`, whose right answers are known."""

import re
from pathlib import Path

import pytest

from app.core.generation import FinishReason, LoadSpec, Reply, ReplyRequest, Role, SamplingOptions, Turn
from app.core.jobs import CancelToken
from app.engine.llama import LlamaBackend
from app.library.gguf import read_header
from app.system import paths

GUIDE = paths.guide_model()
CARD = Path(__file__).parent.parent / "resources" / "guide" / "README.md"


@pytest.fixture(scope="module")
def guide():
    backend = LlamaBackend()
    backend.load(LoadSpec(GUIDE, n_threads=1), lambda _: None, CancelToken())
    yield backend
    backend.close()


def talk(guide, *users, system=""):
    turns = [Turn(Role.SYSTEM, system)] if system else []
    for text in users:
        turns.append(Turn(Role.USER, text))
        request = ReplyRequest(tuple(turns), SamplingOptions(temperature=0, max_tokens=200))
        said = list(guide.reply(request, CancelToken()))[-1]
        assert isinstance(said, Reply)
        assert said.finish is FinishReason.STOP, "the guide must find its end"
        turns.append(Turn(Role.ASSISTANT, said.text))
    return turns[-1].text


def test_the_file_is_small_and_says_what_it_is():
    header = read_header(GUIDE)
    assert GUIDE.stat().st_size <= 8_000_000
    assert header.text("general.name") == "Fireside Guide"
    assert header.text("general.license") == "MIT"
    assert header.whole("llama.context_length") >= 1024


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("How do I stop a reply?", "Esc"),
        ("How do I download a model?", "Models page"),
        ("What is a token?", "token"),
        ("Where are my chats stored?", "data folder"),
        ("How can I export a chat?", "Export"),
        ("怎么停止回复？", "Esc"),
        ("怎么得到更大的模型？", "模型页"),
        ("聊天保存在哪里？", "数据"),
    ],
)
def test_questions_about_the_program_are_answered(guide, question, answer):
    assert answer in talk(guide, question)


@pytest.mark.parametrize(
    ("question", "marker"),
    [
        ("What is the capital of France?", "knows more"),
        ("Write a poem about the sea.", "knows more"),
        ("法国的首都是哪里？", "懂得更多"),
        ("写一首关于大海的诗", "懂得更多"),
    ],
)
def test_of_the_world_it_says_honestly_that_it_knows_nothing(guide, question, marker):
    assert marker in talk(guide, question)


def test_answers_about_the_program_lack_the_words_that_offer_the_models_page(guide):
    assert "knows more" not in talk(guide, "How do I stop a reply?")
    assert "懂得更多" not in talk(guide, "怎么停止回复？")


@pytest.mark.parametrize("name", ["Anna", "Priscilla", "Tobias"])
def test_the_second_turn_remembers_the_name_of_the_first(guide, name):
    assert name in talk(guide, f"My name is {name}.", "What is my name?")


def test_another_conversation_does_not_know_the_name(guide):
    talk(guide, "My name is Anna.")
    assert "Anna" not in talk(guide, "What is my name?")


def test_the_language_of_the_question_is_the_language_of_the_answer(guide):
    assert not re.search("[一-鿿]", talk(guide, "How can I export a chat?"))
    assert re.search("[一-鿿]", talk(guide, "怎么导出聊天？"))


def test_a_system_prompt_arrives(guide):
    question = "How do I stop a reply?"
    assert re.search("[一-鿿]", talk(guide, question, system="Always answer in Chinese."))
    assert "Martha" in talk(guide, "Who are you?", system="Your name is Martha.")


def test_the_card_tells_figures_that_quantizing_did_not_harm():
    rows = re.findall(
        r"^\| (.+?) \| \d+ \| \d+ % \| ([\d.]+) % \| ([\d.]+) % \|$", CARD.read_text("utf-8"), re.M
    )
    assert len(rows) == 9
    for what, exact, quantized in rows:
        assert float(exact) - float(quantized) <= 3, what
