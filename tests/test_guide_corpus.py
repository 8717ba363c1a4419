"""What the guide is trained on: its corpus, the dialogues made of it, and what is kept out."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "packaging" / "guide"))

import corpus
import dialogues


@pytest.fixture(scope="module")
def writer():
    return dialogues.Writer(5)


@pytest.mark.parametrize("code", corpus.LANGUAGES)
def test_every_intent_has_phrasings_and_answers(code):
    language = corpus.read(code)
    groups = {**language.intents, **language.names, **language.system}
    assert not [name for name, intent in groups.items() if not intent.asks]
    assert not [name for name, intent in language.intents.items() if not intent.answers]


def test_both_languages_have_the_same_intents():
    first, second = (corpus.read(code) for code in corpus.LANGUAGES)
    assert first.intents.keys() == second.intents.keys()
    assert first.names.keys() == second.names.keys()
    assert first.system.keys() == second.system.keys()


@pytest.mark.parametrize("code", corpus.LANGUAGES)
def test_only_answers_beyond_the_guide_have_the_words_the_program_looks_for(code):
    for name, intent in corpus.read(code).intents.items():
        for answer in intent.answers:
            assert (corpus.MARKER[code] in answer) == (name == "world"), answer


def test_a_template_offers_its_alternatives():
    node = corpus.parse("how [do|can] i [stop|end [it|this]]")
    assert corpus.variants(node, {}) == 6


def test_an_open_bracket_is_told():
    with pytest.raises(ValueError, match="open"):
        corpus.parse("how [do i")


def test_nothing_in_training_resembles_the_examination(writer):
    held_out = corpus.HeldOut()
    said = [text for _ in range(400) for role, text in writer.dialogue().messages if role == "user"]
    assert max(held_out.nearest(text)[0] for text in said) < corpus.TOO_NEAR


def test_a_question_of_the_examination_with_a_word_swapped_is_too_near():
    held_out = corpus.HeldOut()
    assert held_out.is_too_near("Which planet has the most rings?")
    assert held_out.is_too_near("蜘蛛有几只腿？")
    assert not held_out.is_too_near("Where do I choose the theme?")


def test_names_of_the_examination_are_never_trained(writer):
    names = {name.lower() for name in corpus.held_out_names()}
    assert len(names) >= 40
    told = " ".join(text.lower() for _ in range(300) for _, text in writer.dialogue().messages)
    assert not [name for name in names if len(name) > 4 and name in told]


def test_dialogues_alternate_and_end_with_the_guide(writer):
    for _ in range(200):
        talk = writer.dialogue()
        roles = [role for role, _ in talk.messages if role != "system"]
        assert roles == ["user", "assistant"] * (len(roles) // 2)
        assert len(talk.decided) == len(roles) // 2
        assert not any(mark in text for _, text in talk.messages for mark in ("{", "}", dialogues.HOLD))


def test_the_same_seed_writes_the_same_dialogues():
    first, second = (dialogues.Writer(7).dialogue().messages for _ in range(2))
    assert first == second
