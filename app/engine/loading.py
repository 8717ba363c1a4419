"""From a file to a session, or to the sentence that tells why not."""

from __future__ import annotations

import ctypes
import logging
import os
from typing import Any

import psutil
from llama_cpp import llama_cpp as lib

from app.core.errors import EngineFailed, ModelTooLarge, ModelUnreadable
from app.core.generation import LoadProgress, LoadSpec
from app.core.jobs import CancelToken, Report
from app.engine import memory
from app.engine.failures import check_file, load_failure
from app.engine.native import WORDS, start
from app.engine.session import BATCH, STEP, Session
from app.engine.warming import all_parts, warm

log = logging.getLogger(__name__)

_LONGEST_WINDOW = 1_048_576  # tokens; llama.cpp plans for minutes over what has more
_SMALL_MODEL = 64_000_000  # bytes of weights, read in a few milliseconds by one core
_SMALLEST_STEP = 0.005  # of a load; more reports than this say nothing
_SHARE_OF_READING = 0.9  # of the progress, where the file has to come from the disk
_BYTES_PER_VALUE = 2  # the KV cache is f16


def open_session(spec: LoadSpec, report: Report, cancel: CancelToken, checks_memory: bool = True) -> Session:
    """Load a model. Reports `LoadProgress`; raises `Cancelled` or the `AppError` that says what is wrong.

    `checks_memory`: raise `ModelTooLarge` where the context window does not fit into what is free.
    """
    check_file(spec.path)
    start()
    WORDS.forget()
    before = memory.private_bytes()
    model = _open_model(spec, report, cancel)
    context = None
    try:
        _check_kind(spec, model)
        cancel.check()
        context = _open_context(spec, model, checks_memory)
        session = Session(spec, model, context)
        cancel.check()
    except BaseException:  # whatever it was: nothing native may be left behind
        if context is not None:
            lib.llama_free(context)
        lib.llama_model_free(model)
        raise
    finally:
        WORDS.pass_on()
    session.private_bytes = max(memory.private_bytes() - before, 0)
    return session


def _open_model(spec: LoadSpec, report: Report, cancel: CancelToken) -> Any:
    told = -1.0

    def tell(fraction: float) -> None:
        nonlocal told
        if fraction >= told + _SMALLEST_STEP or fraction >= 1.0 > told:
            told = fraction
            report(LoadProgress(min(fraction, 1.0)))

    def go_on(fraction: float, _data: object) -> bool:
        tell(share + (1 - share) * fraction)
        return not cancel.is_cancelled

    was_cold = warm(all_parts(spec.path), lambda done: tell(_SHARE_OF_READING * done), cancel)
    share = _SHARE_OF_READING if was_cold else 0.0
    params = lib.llama_model_default_params()
    params.n_gpu_layers = 0
    params.use_extra_bufts = not spec.low_memory
    callback = lib.llama_progress_callback(go_on)  # a name: it must live as long as the native call
    params.progress_callback = callback
    model = lib.llama_model_load_from_file(os.fsencode(spec.path), params)
    if model:
        return model
    WORDS.pass_on()
    cancel.check()
    raise load_failure(spec.path, WORDS.errors())


def _check_kind(spec: LoadSpec, model: Any) -> None:
    """Refuse what loads and cannot chat; some of it would abort the process later."""
    if lib.llama_vocab_type(lib.llama_model_get_vocab(model)) == lib.LLAMA_VOCAB_TYPE_NONE:
        raise ModelUnreadable(spec.path, "it has no vocabulary.", "Choose a model that is made for chatting.")
    kind = _metadata(model, "general.architecture")
    reads_only = _metadata(model, f"{kind}.attention.causal") == "false"
    if reads_only or lib.llama_model_has_encoder(model) or not lib.llama_model_has_decoder(model):
        raise ModelUnreadable(
            spec.path, "it reads text and does not write any.", "Choose a model that is made for chatting."
        )


def _open_context(spec: LoadSpec, model: Any, checks_memory: bool) -> Any:
    trained = lib.llama_model_n_ctx_train(model) or _LONGEST_WINDOW
    n_ctx = spec.n_ctx if 0 < spec.n_ctx <= trained else trained
    n_ctx = min(n_ctx, _LONGEST_WINDOW)
    needed, free = _cache_bytes(model, n_ctx), memory.free_bytes()
    if checks_memory and needed > free:
        raise ModelTooLarge(spec.name or spec.path.stem, needed, free)
    params = lib.llama_context_default_params()
    params.n_ctx = n_ctx
    params.n_batch, params.n_ubatch = BATCH, STEP
    params.n_outputs_max = 1  # without it rows of scores for a whole batch are kept: 300 MiB instead of 5
    params.n_threads = params.n_threads_batch = spec.n_threads or _threads(model)
    params.flash_attn_type = lib.LLAMA_FLASH_ATTN_TYPE_DISABLED  # slower on a processor
    params.no_perf = True
    context = lib.llama_init_from_model(model, params)
    if not context:
        raise EngineFailed(
            f"llama.cpp could not make a context window of {n_ctx:,} tokens.",
            "Set a shorter context window in the model's options.",
        )
    return context


def _cache_bytes(model: Any, n_ctx: int) -> int:
    """Return about how many bytes the KV cache takes; too many for models that save on it."""
    kind = _metadata(model, "general.architecture")
    heads = max(lib.llama_model_n_head(model), 1)
    usual = lib.llama_model_n_embd(model) // heads
    width = sum(
        int(_metadata(model, f"{kind}.attention.{name}") or usual) for name in ("key_length", "value_length")
    )
    return int(
        n_ctx * lib.llama_model_n_layer(model) * lib.llama_model_n_head_kv(model) * width * _BYTES_PER_VALUE
    )


def _metadata(model: Any, key: str) -> str:
    buffer = ctypes.create_string_buffer(128)
    length = lib.llama_model_meta_val_str(model, key.encode(), buffer, len(buffer))
    return buffer.value.decode("utf-8", "replace") if length >= 0 else ""


def _threads(model: Any) -> int:
    """Return how many threads serve a model best: all cores, but one where the steps are too short to share.

    Threads wait for each other some hundred times a token; on a busy computer each wait can be a time slice.
    """
    return 1 if lib.llama_model_size(model) < _SMALL_MODEL else physical_cores()


def physical_cores() -> int:
    """Return the number of cores; a second thread on one core only gets in the first one's way."""
    return psutil.cpu_count(logical=False) or 1
