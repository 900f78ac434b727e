"""Asking a model some of a record's samples again: the one thing about a record that its own files cannot prove."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from auditor import record, registry
from auditor.backends.base import Backend, BackendOptions, Dated, flop_of
from auditor.checking import check, short
from auditor.described import part_of
from auditor.journal import Kind
from auditor.plan import kind_of
from auditor.provenance.derive import derive_facts, is_masked
from auditor.provenance.resolve import resolve, weights_digest
from auditor.same_items import chat_checks
from auditor.samples import Answered, AskedSample, read_samples
from auditor.types import Check, Completion, Loglikelihood, ModelRef, Outcome, Output, RunRecord
from auditor.verify import AtHand

TOLERANCE_NATS = 1e-3
_WORST: tuple[Outcome, ...] = ("differs", "not_checked", "same")
OpenBackend = Callable[..., Backend]


def reask(
    path: Path,
    model: str,
    *,
    count: int,
    seed: int = 0,
    at_hand: AtHand = AtHand(),  # noqa: B008 - immutable
    open_backend: OpenBackend | None = None,
) -> list[Check]:
    """Return what comes of asking the model some of a record's samples again: its weights, its operations, each sample.

    `count` samples are drawn over all probes. A log-likelihood may differ by `TOLERANCE_NATS`. A completion that begins
    alike and then goes another way is not checked: where two tokens are nearly as good, rounding decides. Every prompt
    of a conversation is made again from the items of the probes `at_hand`, by the model's chat template.

    Raises:
        RecordError: the record is missing or was changed.
        AuditorError: the model cannot be opened.
    """
    found, folder = record.load_record(record.folder_of(path))
    ref = _resolve(found, model, offline=at_hand.offline)
    checks = _model_checks(found, ref)
    if any(one.outcome == "differs" for one in checks):
        return checks
    options = BackendOptions(
        device=found.backend.device,
        dtype=found.backend.dtype,
        batch_tokens=found.backend.batch_tokens,
        batch_rows=found.backend.batch_rows,
        trust_remote_code=found.backend.trust_remote_code,
        allow_pickle=found.backend.allow_pickle,
    )
    opened = (open_backend or registry.load("backends", "masked" if is_masked(ref) else "hf"))(ref, options)
    lines = {probe.id: read_samples(folder / probe.samples_file.path) for probe in found.probes}
    checks += chat_checks(
        found,
        lines,
        opened.render_chat,
        packs=at_hand.packs,
        data_dir=at_hand.data_dir,
        dated=isinstance(opened, Dated) and opened.tells_date,
    )
    checks.append(_operations_check(found, opened))
    rows = [(probe_id, line) for probe_id, asked in lines.items() for line in asked]
    rng = np.random.Generator(np.random.PCG64(seed))
    chosen = sorted(rng.choice(len(rows), size=min(count, len(rows)), replace=False))
    return [*checks, *(_asked_again(opened, *rows[number]) for number in chosen)]


def model_checks(found: RunRecord, model: str, *, offline: bool = False) -> list[Check]:
    """Return whether a model's weights, and its other files that can change an answer, are those of a record.

    Raises:
        AuditorError: the model cannot be found or read.
    """
    return _model_checks(found, _resolve(found, model, offline=offline))


def _resolve(found: RunRecord, model: str, *, offline: bool) -> ModelRef:
    allow_pickle, trusted = found.backend.allow_pickle, found.backend.trust_remote_code
    return resolve(model, offline=offline, allow_pickle=allow_pickle, trust_remote_code=trusted)


def _model_checks(found: RunRecord, ref: ModelRef) -> list[Check]:
    was, now = ({file.path: (file.sha256, file.bytes) for file in of} for of in (found.model.files, ref.files))
    changed = [path for path in was if path in now and was[path] != now[path]]
    weights = [path for path in changed if path in ref.weights]
    rest = [part.name for part in map(part_of, found.model.files) if part.name in changed and part.role != "other"]
    same = check("weights", found.model.weights_digest, weights_digest(ref))
    if same.outcome == "differs" and weights:
        same = Check(what="weights", outcome="differs", detail=f"changed: {', '.join(weights)}")
    others = [path for path in rest if path not in weights]
    if others:
        return [same, Check(what="model files", outcome="differs", detail=f"changed: {', '.join(others)}")]
    return [same, _facts_check(found, ref)]


def _facts_check(found: RunRecord, ref: ModelRef) -> Check:
    """Return whether the facts that were read off the model's files stand there; of other files nothing is compared."""
    here = derive_facts(ref).facts
    shared = [key for key, fact in found.model.facts.items() if key in here and fact.evidence == here[key].evidence]
    said, now = ({key: facts[key].value for key in shared} for facts in (found.model.facts, here))
    return check("model facts", said, now)


def _operations_check(found: RunRecord, backend: Backend) -> Check:
    """Return whether a token costs what the record says; a count by another torch or on another machine tells nothing.

    Where the parameters are not as many, no version can be why.
    """
    what, costs, now = "operations, counted again", found.clocks.costs, flop_of(backend)
    if costs is None:
        return Check(what=what, outcome="not_checked", detail="the record does not hold them")
    place = "clocks.costs.flop"
    size = check(what, {"formula": costs.flop.formula}, {"formula": now.formula}, name=place)
    same = check(what, costs.flop, now, name=place)
    if (
        size.outcome == "same"
        and same.outcome == "differs"
        and (costs.flop.by, found.backend) != (now.by, backend.info)
    ):
        told = f"it was counted with another torch or run another way, which can be why {same.detail}"
        return Check(what=what, outcome="not_checked", detail=told)
    return size if size.outcome == "differs" else same


def _asked_again(backend: Backend, probe_id: str, line: AskedSample) -> Check:
    """Return whether the model answers a sample as it did."""
    kinds: dict[Kind, list[Answered]] = {"loglikelihood": [], "generate": []}
    for pair in line.pairs:
        kinds[kind_of(pair.request)].append(pair)
    found: list[tuple[Outcome, str]] = []
    for kind, pairs in kinds.items():
        answer: Callable[..., Iterator[Mapping[int, Output]]] = getattr(backend, kind)
        asked = [pair.request for pair in pairs]
        came = {number: output for pack in answer(asked, done=set()) for number, output in pack.items()}
        found += [_compared(pair.output, came[number]) for number, pair in enumerate(pairs)]
    outcome, detail = min(found, key=lambda one: _WORST.index(one[0]))
    return Check(what=f"{probe_id} {line.id}, asked again", outcome=outcome, detail=detail)


def _compared(was: Output, now: Output) -> tuple[Outcome, str]:
    """Return whether two outputs of one request are the same, and what differs."""
    match was, now:
        case Loglikelihood(), Loglikelihood() if was.n_tokens != now.n_tokens:
            return "differs", f"{was.n_tokens} tokens in the record, {now.n_tokens} now"
        case Loglikelihood(), Loglikelihood() if abs(was.nats - now.nats) <= TOLERANCE_NATS:
            return "same", ""
        case Loglikelihood(), Loglikelihood():
            return "differs", f"{was.nats:.4f} nats in the record, {now.nats:.4f} now"
        case Completion(), Completion() if was.text != now.text:
            shared = os.path.commonprefix([was.text, now.text])  # noqa: RUF071 - of characters, as is meant
            told = f"after {len(shared)} characters: {short(was.text[len(shared) :])} in the record, "
            told += f"{short(now.text[len(shared) :])} now"
            return ("not_checked", f"{told}; rounding can do that") if shared.strip() else ("differs", told)
        case _:
            return (
                ("same", "") if was == now else ("differs", f"{short(str(was))} in the record, {short(str(now))} now")
            )
