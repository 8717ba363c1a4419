import time
import tracemalloc

import pytest

from app.core.generation import Role, Turn
from app.engine.template import ChatFormat

SYSTEM, USER = Turn(Role.SYSTEM, "Be kind."), Turn(Role.USER, "Hello")
ANSWER = Turn(Role.ASSISTANT, "Hi.")
SIMPLE = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"


def render(source, *turns, **known):
    return ChatFormat(source, **known).render(turns or (SYSTEM, USER)).text


def inside(expression):
    """A template that works and shows an expression."""
    return SIMPLE + "{{ " + expression + " }}"


def test_a_template_sees_roles_contents_tokens_and_that_a_reply_follows():
    source = "{{ bos_token }}" + SIMPLE + "{{ eos_token }}{% if add_generation_prompt %}[reply]{% endif %}"
    told = render(source, SYSTEM, USER, ANSWER, USER, bos="<s>", eos="</s>")
    assert told == "<s>[system]Be kind.[user]Hello[assistant]Hi.[user]Hello</s>[reply]"


def test_what_is_not_given_is_undefined():
    source = inside("'tools' if tools is defined else 'none'")
    assert render(source, USER).endswith("none")
    assert render(inside("'x' if documents else 'none'"), USER).endswith("none")


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("{'a': 'é<', 'b': [1]} | tojson", '{"a": "é<", "b": [1]}'),
        ("{'a': 1} | tojson(indent=2)", '{\n  "a": 1\n}'),
        ("[1, 2, 3][::-1] | join(',')", "3,2,1"),
        ("'a' ~ 1 ~ 'b'", "a1b"),
        ("strftime_now('%Y') | length", "4"),
        ("messages | selectattr('role', 'equalto', 'user') | list | length", "1"),
        ("'%s-%s' % ('a', 'b')", "a-b"),
        ("'{}-{}'.format('a', 'b')", "a-b"),
        ("'=' * 3", "==="),
        ("namespace(x=1).x", "1"),
        ("range(3) | list", "[0, 1, 2]"),
    ],
)
def test_templates_find_what_transformers_gives_them(expression, shown):
    assert render(inside(expression), USER) == f"[user]Hello{shown}"


def test_blocks_leave_no_blank_lines_and_loops_can_be_left():
    source = (
        "{% for m in messages %}\n"
        "    {% if loop.index > 1 %}\n"
        "        {% break %}\n"
        "    {% endif %}\n"
        "{{ m.content }}|{{ loop.last }}|{{ loop.length }}\n"
        "{% endfor %}"
    )
    assert render(source, USER, ANSWER, USER) == "Hello|False|3\n"


def test_a_template_that_refuses_a_system_prompt_is_told_it_in_the_first_question():
    refusing = "{% if messages[0].role == 'system' %}{{ raise_exception('no') }}{% endif %}" + SIMPLE
    assert render(refusing, SYSTEM, USER, ANSWER) == "[user]Be kind.\n\nHello[assistant]Hi."


def test_a_template_that_drops_a_system_prompt_is_told_it_in_the_first_question():
    dropping = "{% for m in messages if m.role != 'system' %}[{{ m.role }}]{{ m.content }}{% endfor %}"
    assert render(dropping, SYSTEM, USER) == "[user]Be kind.\n\nHello"


def test_a_template_that_insists_on_alternating_gets_it_and_every_word():
    strict = (
        "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
        "{{ raise_exception('alternate!') }}{% endif %}[{{ m.role }}]{{ m.content }}{% endfor %}"
    )
    assert (
        render(strict, SYSTEM, USER, USER, ANSWER, ANSWER)
        == "[user]Be kind.\n\nHello\n\nHello[assistant]Hi.\n\nHi."
    )
    assert render(strict, ANSWER, USER) == "[user][assistant]Hi.[user]Hello"


def test_a_template_that_wants_contents_in_parts_gets_them():
    parts = "{% for m in messages %}[{{ m.role }}]{{ m.content[0].text }}{% endfor %}"
    assert render(parts, SYSTEM, USER) == "[system]Be kind.[user]Hello"


@pytest.mark.parametrize(
    "broken",
    [
        None,
        "",
        "{% for",
        "{{ raise_exception('never') }}",
        "{{ nothing.at.all }}",
        "no messages",
        "{{ 1/0 }}",
    ],
)
def test_without_a_usable_template_a_plain_format_is_used(broken):
    chat_format = ChatFormat(broken)
    assert not chat_format.has_template
    rendered = chat_format.render([SYSTEM, USER])
    assert rendered.text == "System: Be kind.\nUser: Hello\nAssistant:"
    assert "\nUser:" in rendered.stops


def test_the_plain_format_is_chatml_where_the_model_knows_it():
    told = render(None, USER, knows_chatml=True)
    assert told == "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n"


def test_a_conversation_that_the_template_cannot_take_is_told_plainly():
    picky = SIMPLE + "{% if messages | length > 2 %}{{ raise_exception('too long') }}{% endif %}"
    chat_format = ChatFormat(picky)
    assert chat_format.has_template
    assert "User: Hello" in chat_format.render([USER, ANSWER, USER]).text


ESCAPES = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ self.__init__.__globals__ }}",
    "{{ cycler.__init__.__globals__.os.system('true') }}",
    "{{ messages.append(1) }}",
    "{{ messages.clear() }}",
    "{% set f = '{0.__class__.__init__.__globals__}'.format %}{{ f(cycler) }}",
    "{% include '/etc/passwd' %}",
]


@pytest.mark.parametrize("escape", ESCAPES)
def test_a_template_cannot_leave_its_sandbox(escape):
    told = render(SIMPLE + escape, USER)
    assert "globals" not in told
    assert "subclasses" not in told
    assert "root:" not in told
    assert "Hello" in told


GROW = "{% set n = namespace(s='x' * 99) %}{% for a in range(99) %}"
ENDLESS = [
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "{% for a in range(999999999) %}{% endfor %}",
    "{% for a in range(99999) %}{{ 'x' * 99999 }}{% endfor %}",
    "{{ 'x' * 99999999999 }}",
    "{{ [1] * 99999999999 }}",
    "{{ 9 ** 9 ** 9 ** 9 }}",
    GROW + "{% set n.s = n.s + n.s %}{% endfor %}",
    GROW + "{% set n.s = n.s ~ n.s %}{% endfor %}",
    GROW + "{% set n.s = [n.s, n.s] | join %}{% endfor %}",
    GROW + "{% set n.s = n.s.replace('x', 'xx') %}{% endfor %}",
    GROW + "{% set n.s = n.s | replace('x', 'xx') %}{% endfor %}",
    "{% set n = namespace(i=3) %}{% for a in range(99) %}{% set n.i = n.i * n.i %}{% endfor %}",
    "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(200) }}",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "{{ 'x'.center(99999999999) }}",
    "{{ 'x' | center(99999999999) }}",
    "{{ '%99999999999d' % 1 }}",
    "{{ '%*d' % (99999999999, 1) }}",
    "{{ '{:>99999999999}'.format(1) }}",
    "{{ '{:>{}}'.format(1, 99999999999) }}",
    "{{ 'x\nx' | indent(99999999999) }}",
    "{{ messages | tojson(indent=99999999999) }}",
    "{{ lipsum(n=999999) }}",
]


@pytest.mark.parametrize("endless", ENDLESS)
def test_a_template_that_never_ends_is_left_and_the_chat_goes_on(endless):
    began = time.perf_counter()
    told = render("{% if messages | length > 1 %}" + endless + "{% endif %}" + SIMPLE, USER, ANSWER, USER)
    assert time.perf_counter() - began < 10
    assert "Hello" in told
    assert len(told) < 1000


def test_a_long_conversation_is_not_taken_for_endless():
    turns = [USER, ANSWER] * 5000
    assert len(render(SIMPLE, *turns)) == 5000 * len("[user]Hello[assistant]Hi.")


@pytest.mark.parametrize(
    "large",
    [
        "{{ '{:>300000000}'.format(1) | length }}",
        "{{ ('x' * 100000).replace('x', 'y' * 3000) | length }}",
        "{{ ('x' * 100000) | replace('x', 'y' * 3000) | length }}",
    ],
)
def test_an_endless_text_is_refused_before_it_takes_the_memory(large):
    tracemalloc.start()
    try:
        assert "Hello" in render(
            "{% if messages | length > 1 %}" + large + "{% endif %}" + SIMPLE, USER, ANSWER
        )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100_000_000


TIMES = "{{% set l = {} %}}{{% set s = {} %}}{{{{ ({}) | length }}}}"
BIG = "'a ' * 900000"


@pytest.mark.parametrize(
    "costly",
    [
        TIMES.format("['a' * 1000000] * 60000", "''", "l | join"),
        TIMES.format("['a'] * 100000", BIG, "l | join(s)"),
        TIMES.format("range(90000)", BIG, "l | join(s)"),
        TIMES.format("range(90000) | map('string')", BIG, "l | join(s)"),
        TIMES.format("['a'] * 100000", BIG, "s.join(l)"),
        TIMES.format("0", "'\\n' * 1900000", "s | indent(900000, true, true)"),
        TIMES.format("0", "'\\n' * 1900000", "s | indent('b' * 1000, true, true)"),
        TIMES.format("0", "'a ' * 30000000", "s | wordwrap(1)"),
        TIMES.format("0", BIG, "s | wordwrap(1, true, s)"),
        TIMES.format("0", "'a ' * 30000000", "s | urlize"),
        TIMES.format("0", "'a ' * 30000000", "s | title"),
        TIMES.format("0", BIG, "s.translate({97: s})"),
        TIMES.format("[1] * 60000000", "0", "l | sort"),
        TIMES.format("['a' * 1000000] * 60000", "0", "l | string"),
        TIMES.format("['a' * 1000000] * 60000", "0", "l | tojson"),
        TIMES.format("[[1] * 10000] * 10000", "0", "l | sum(start=[])"),
        TIMES.format("['a' * 1000000] * 60000", "0", "l ~ 'x'"),
        TIMES.format("['a' * 1000000] * 60000", "0", "'%s' % (l,)"),
        TIMES.format("('a' * 100000,) * 100000", "'%s' * 100000", "s % l"),
        TIMES.format("'a' * 100000", "'{0}' * 100000", "s.format(l)"),
        "{% set l = ['a' * 1000000] * 60000 %}{{ l }}",
        "{% set n = namespace(x=[1], y=[1]) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}"
        "{% set n.y = [n.y, n.y] %}{% endfor %}{{ n.x == n.y }}",
        "{% set n = namespace(x=1, y=1) %}{% for i in range(60) %}{% set n.x = dict(a=n.x, b=n.x) %}"
        "{% set n.y = dict(a=n.y, b=n.y) %}{% endfor %}{{ n.x == n.y }}",
        "{% set s %}{% for i in range(90000) %}{{ 'a' * 10000 }}{% endfor %}{% endset %}{{ s | length }}",
        "{% set s %}{% for i in range(90000) %}" + "a" * 9999 + "{% endfor %}{% endset %}{{ s | length }}",
    ],
)
def test_no_single_step_takes_seconds_or_the_memory(costly):
    tracemalloc.start()
    begun = time.thread_time()
    told = render("{% if messages | length > 1 %}" + costly + "{% endif %}" + SIMPLE, USER, ANSWER, USER)
    took, (_, most) = time.thread_time() - begun, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert told == "User: Hello\nAssistant: Hi.\nUser: Hello\nAssistant:"
    assert took < 20  # usually 7 where memory is traced, 2 where not, for two renders
    assert most < 100_000_000


def test_what_people_paste_is_told_however_long_it_is():
    long = Turn(Role.USER, "Line with \x1b and “é”\n" * 500_000)
    told = render("{% for m in messages %}{{ m | tojson }}{{ '%s' % m.content }}{% endfor %}", USER, long)
    assert told.count("Line with") == 1_000_000
    told = render("{{ messages | map(attribute='content') | join('\\n') | trim }}{{ messages }}", USER, long)
    assert told.startswith("Hello\nLine with")
