import subprocess
import sys
from pathlib import Path

import pytest
import small_models

from app.core.errors import EngineFailed, NoModelLoaded
from app.core.generation import LoadSpec, ReplyRequest, Role, SamplingOptions, Turn
from app.core.jobs import CancelToken
from app.engine.deferred import DeferredBackend

ROOT = Path(__file__).parent.parent


def test_llama_cpp_is_not_imported_before_it_is_needed():
    code = (
        "import sys; import app.engine.jobs; from app.engine.deferred import DeferredBackend;"
        "b = DeferredBackend(); b.unload(); b.close(); assert b.model is None;"
        "print('llama_cpp' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_it_passes_everything_on(tmp_path):
    backend = DeferredBackend()
    with pytest.raises(NoModelLoaded):
        backend.count("x")
    backend.load(
        LoadSpec(small_models.reciter(tmp_path / "r.gguf"), n_threads=1), lambda _: None, CancelToken()
    )
    turns = (Turn(Role.USER, "Hello"),)
    assert backend.model.name == "r"
    assert backend.count("abc") == 3
    assert backend.measure(turns).tokens > 5
    request = ReplyRequest(turns, SamplingOptions(temperature=0))
    assert list(backend.reply(request, CancelToken()))[-1].text == small_models.SCRIPT
    backend.unload()
    assert backend.model is None
    backend.close()


@pytest.mark.parametrize("trouble", ["import nonesuch", "import ctypes; ctypes.CDLL('libnone.so')"])
def test_an_engine_that_is_not_there_is_a_sentence(tmp_path, monkeypatch, trouble):
    (tmp_path / "broken_engine.py").write_text(trouble)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "broken_engine", raising=False)
    backend = DeferredBackend("broken_engine", "LlamaBackend")
    with pytest.raises(EngineFailed) as caught:
        backend.load(LoadSpec(Path("x.gguf")), lambda _: None, CancelToken())
    assert caught.value.hint
    assert backend.model is None
