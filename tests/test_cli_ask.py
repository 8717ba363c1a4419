import json

import pytest
import small_models
from cli_bench import Bench

from app.core.errors import EngineFailed
from app.core.generation import Role
from app.storage.store import Store


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    bench.add_model()
    return bench


SAID = "It was a dark and stormy night."


def test_the_reply_is_printed(bench):
    assert bench.run("ask", "Tell", "me") == 0
    assert bench.out == SAID + "\n"
    assert bench.err == ""
    assert bench.backend.requests[0].turns[-1].text == "Tell me"


def test_json_is_one_object_with_everything(bench):
    assert bench.run("ask", "--json", "Tell me") == 0
    told = json.loads(bench.out)
    assert told["text"] == SAID
    assert told["finish"] == "stop"
    assert (told["prompt_tokens"], told["reply_tokens"]) == (5, 7)
    assert told["model"].startswith("guide")
    for name in ("load_seconds", "prompt_seconds", "reply_seconds"):
        assert told[name] >= 0


def test_a_dash_reads_standard_input(bench):
    bench.run("ask", "Summarize:", "-", typed="a long\nreport\n")
    assert bench.backend.requests[0].turns[-1].text == "Summarize:\n\na long\nreport\n"


@pytest.mark.parametrize("argv", [["-", "-"], [" "], ["-"]])
def test_an_empty_or_doubled_question_is_wrong_usage(bench, argv):
    assert bench.run("ask", *argv, typed=" \n") == 2
    assert bench.backend.loads == []


def test_options_reach_the_engine(bench):
    bench.run(
        "ask", "--temperature", "0", "--top-k", "7", "--max-tokens", "2", "--seed", "3", "--stop", "x", "q"
    )
    options = bench.backend.requests[0].options
    assert (options.temperature, options.top_k, options.seed, options.stop) == (0.0, 7, 3, ("x",))
    assert bench.out == "It was \n"


def test_the_system_prompt_comes_first(bench):
    bench.run("ask", "--system", "Be brief.", "q")
    assert [turn.role for turn in bench.backend.requests[0].turns] == [Role.SYSTEM, Role.USER]


def test_an_option_out_of_bounds_is_wrong_usage(bench):
    assert bench.run("ask", "--top-p", "7", "q") == 2
    assert "at most 1" in bench.err


def test_a_failure_in_the_middle_keeps_what_was_said_and_is_status_1(bench):
    bench.backend.reply_error, bench.backend.reply_error_at = EngineFailed("It broke."), 2
    assert bench.run("ask", "q") == 1
    assert bench.out == "It was \n"
    assert bench.err.startswith("It broke.\n")


def test_the_memory_plan_goes_with_the_load(bench):
    bench.run("ask", "--context", "512", "q")
    (spec,) = bench.backend.loads
    assert spec.n_ctx == 512
    assert spec.needed_bytes > 0


# which model


def test_without_any_model_it_says_how_to_add_one(tmp_path):
    bench = Bench(tmp_path)
    assert bench.run("ask", "q") == 1
    assert "fireside models add" in bench.err


def test_of_several_models_none_of_which_was_used_the_smallest_answers(bench):
    small = bench.add_model("small.gguf", script="Yes.")
    assert bench.run("ask", "q") == 0
    assert bench.backend.loads[-1].path == small


def test_the_guide_answers_where_there_is_no_other_model(tmp_path):
    guide = small_models.reciter(tmp_path / "resources.gguf")
    bench = Bench(tmp_path / "home", guide=guide)
    assert bench.run("ask", "q") == 0
    assert bench.backend.loads[-1].path == guide
    larger = bench.add_model("babbler.gguf")
    assert bench.run("ask", "q") == 0
    assert bench.backend.loads[-1].path == larger


def test_the_model_used_last_is_used_again(bench):
    other = bench.add_model("other.gguf")
    with_store(bench, lambda store: store.note_model_used(str(other)))
    assert bench.run("ask", "q") == 0
    assert bench.backend.loads[0].path == other


def test_a_last_model_that_is_gone_is_told_and_another_one_taken(bench):
    with_store(bench, lambda store: store.note_model_used("/gone/away.gguf"))
    assert bench.run("ask", "q") == 0
    assert "/gone/away.gguf" in bench.err


@pytest.mark.parametrize("word", ["other", "OTH", "other.gguf"])
def test_a_part_of_the_name_is_enough(bench, word):
    other = bench.add_model("other.gguf")
    assert bench.run("ask", "--model", word, "q") == 0
    assert bench.backend.loads[0].path == other


def test_a_path_needs_no_shelf(bench, tmp_path):
    path = bench.add_model("../elsewhere/x.gguf")
    assert bench.run("ask", "--model", path, "q") == 0
    assert not bench.places.database.exists()


def test_an_ambiguous_name_is_wrong_usage_and_lists_them(bench):
    bench.add_model("guide-2.gguf")
    bench.add_model("guide-3.gguf")
    assert bench.run("ask", "--model", "guide-", "q") == 2
    assert "guide-2" in bench.err
    assert "guide-3" in bench.err


def test_an_exact_name_wins_over_parts(bench):
    bench.add_model("guide-2.gguf")
    assert bench.run("ask", "--model", "guide.gguf", "q") == 0
    assert bench.backend.loads[0].path.name == "guide.gguf"


@pytest.mark.parametrize("name", ["nothing", "Qwen/Qwen3", "/no/such.gguf"])
def test_an_unknown_model_is_status_1(bench, name):
    assert bench.run("ask", "--model", name, "q") == 1
    assert bench.err.count("\n") == 2  # a sentence and a hint


def test_a_damaged_model_says_why(bench):
    (bench.places.models / "bad.gguf").write_bytes(b"x" * 99)
    assert bench.run("ask", "--model", "bad", "q") == 1
    assert "not a GGUF file" in bench.err


def with_store(bench, do):
    bench.run("models", "list")  # makes the folders
    store = Store.open(bench.places.database, is_owner=False)
    do(store)
    store.close()


def test_a_wrong_number_is_told_by_the_option_that_was_typed(bench):
    assert bench.run("ask", "--context", "2000000", "Hi") == 2
    assert bench.err == "--context must be at most 1,048,576, not 2,000,000.\n"
    assert bench.run("ask", "--top-p", "2", "Hi") == 2
    assert bench.err.startswith("--top-p must be")
