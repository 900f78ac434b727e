"""Opening a model's files through transformers: offline, without pickles or strangers' code unless they are allowed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import warnings
from pathlib import Path
from typing import Any, Literal

from auditor import gguf_file
from auditor.backends.base import BackendOptions
from auditor.backends.hf_config import context_length_of, tokenizer_state
from auditor.errors import ModelError, first_line, foreign_faults, optional_package
from auditor.types import BackendInfo, ModelRef

AutoClass = Literal["AutoModelForCausalLM", "AutoModelForMaskedLM"]


def load(ref: ModelRef, options: BackendOptions, *, auto: AutoClass, hint: str) -> tuple[Any, Any]:
    """Return a model on its device, ready to be run, and its tokenizer; `hint` says what the files should be.

    Raises:
        ModelError: the files do not load as that class of model, lack a tensor, or do not fit on the device.
        MissingPackageError: the model's format needs a package that is not installed.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TQDM_DISABLE", "1")  # the GGUF reader draws a bar that no logging level stops
    import torch
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    device = _pick_device(options.device)
    dtype = _pick_dtype(options.dtype, device)
    with gguf_file.read_once() if ref.format == "gguf" else contextlib.nullcontext():
        with foreign_faults(f"cannot load the tokenizer of {ref.requested}", ModelError, hint=hint):
            tokenizer = _tokenizer(ref, options)
        with foreign_faults(f"cannot load the weights of {ref.requested}", ModelError, hint=hint):
            model = _model(ref, options, auto, dtype)
    try:
        return model.to(device).eval(), tokenizer
    except (RuntimeError, torch.cuda.OutOfMemoryError) as fault:
        raise ModelError(
            f"the model does not fit on {device}: {first_line(fault)}", hint="use --device cpu, or a smaller --dtype"
        ) from fault


def info_of(model: Any, tokenizer: Any, options: BackendOptions, *, name: str) -> BackendInfo:
    """Return how a loaded model is run by the backend of that name, its layers not packed."""
    import torch
    import transformers

    template = tokenizer.chat_template
    return BackendInfo(
        name=name,
        version=transformers.__version__,
        tokenizer_digest=_digest(tokenizer_state(tokenizer)),
        chat_template_digest=_digest(str(template)) if template else "",
        context_length=context_length_of(model, tokenizer),
        parameters=sum(p.numel() for p in model.parameters()),
        trust_remote_code=options.trust_remote_code,
        allow_pickle=options.allow_pickle,
        device=str(model.device),
        dtype=str(model.dtype).removeprefix("torch."),
        batch_tokens=options.batch_tokens,
        batch_rows=options.batch_rows,
        attention=str(getattr(model.config, "_attn_implementation", "") or "eager"),
        packed=False,
        threads=torch.get_num_threads(),
    )


def _digest(text: str) -> str:
    """Return the sha256 (64 hex digits) of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def _pick_device(wanted: str) -> str:
    import torch

    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=wanted)
    except (RuntimeError, AssertionError) as fault:
        raise ModelError(f"device {wanted!r} cannot be used: {first_line(fault)}", hint="use --device cpu") from fault
    return wanted


def _pick_dtype(wanted: str, device: str) -> Any:
    import torch

    chosen = ("float32" if torch.device(device).type == "cpu" else "bfloat16") if wanted == "auto" else wanted
    return getattr(torch, chosen)


def _tokenizer(ref: ModelRef, options: BackendOptions) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(ref.tokenized_by.folder, **_where(ref, options))


def _model(ref: ModelRef, options: BackendOptions, auto: AutoClass, dtype: Any) -> Any:
    import transformers

    peft = _adapter_loader() if ref.brings_adapter else None  # without it transformers leaves an adapter out, unsaid
    whole = ref.base or ref
    more: dict[str, Any] = {} if ref.format == "gguf" else {"use_safetensors": whole.format == "safetensors"}
    model, report = getattr(transformers, auto).from_pretrained(
        whole.folder, dtype=dtype, output_loading_info=True, **more, **_where(ref, options)
    )
    missing = sorted(report["missing_keys"])
    if missing:
        raise ModelError(
            f"the weights of {whole.requested} lack {len(missing)} tensors that its config.json asks for, "
            f"such as {missing[0]}",
            hint="the folder is incomplete, or its config.json belongs to another model",
        )
    return _adapted(model, ref, peft) if ref.base else model


def _adapter_loader() -> Any:
    """Return what puts an adapter onto a model, looked for before the model is loaded.

    Raises:
        MissingPackageError: peft is not installed.
    """
    with optional_package("adapters", "an adapter"):
        import peft
    return peft


def _adapted(model: Any, ref: ModelRef, peft: Any) -> Any:
    """Return the base model with the adapter's weights merged into its own.

    Raises:
        ModelError: the adapter's file holds other weights than its configuration asks for.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Found missing adapter keys")  # which is an error here
        adapted = peft.PeftModel.from_pretrained(model, ref.folder, local_files_only=True)
    asked = set(peft.get_peft_model_state_dict(adapted))
    held = set(peft.utils.load_peft_weights(ref.folder, device="cpu"))
    if asked != held:
        example = sorted(asked ^ held)[0]
        raise ModelError(
            f"the adapter {ref.requested} does not fit its base model: of {len(asked)} tensors asked for it lacks "
            f"{len(asked - held)}, and {len(held - asked)} are for none, such as {example}",
            hint="name the base model that it was trained on in base_model_name_or_path",
        )
    return adapted.merge_and_unload()


def _where(ref: ModelRef, options: BackendOptions) -> dict[str, Any]:
    where: dict[str, Any] = {"local_files_only": True, "trust_remote_code": options.trust_remote_code}
    if ref.format == "gguf":
        where["gguf_file"] = Path(ref.weights[0]).name
    return where
