"""The plan: which samples of which probes are asked, every request of all of them together, and what names the run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec
import numpy as np
from msgspec import Struct

import auditor
from auditor import requests, schema
from auditor.backends.base import Backend
from auditor.environment import environment
from auditor.errors import ModelError
from auditor.journal import Kind
from auditor.probes import Probe
from auditor.types import (
    BackendInfo,
    GenerateRequest,
    Json,
    LoglikelihoodRequest,
    ModelInfo,
    Question,
    Sample,
    ScorerRef,
)


class Part(Struct, frozen=True, kw_only=True):
    """One probe's part of the plan: the samples selected, and the questions of each."""

    probe: Probe
    samples: tuple[Sample, ...]
    questions: tuple[tuple[Question, ...], ...]


class Criteria(Struct, frozen=True, kw_only=True):
    """What answers will be judged by, fixed before there are any: scorers by probe, the classifier, policies' digests.

    A scorer is its name and version; `policies` are by id, and their digests cover their thresholds.
    """

    scorers: dict[str, tuple[str, str]] = {}
    classifier: ScorerRef | None = None
    policies: dict[str, str] = {}


class Plan(Struct, frozen=True, kw_only=True):
    """All requests of all probes together. `owner[kind][i]` is the probe that request i belongs to."""

    parts: tuple[Part, ...]
    requests: dict[Kind, list[Json]]
    owner: dict[Kind, list[str]]
    header: dict[str, Json]

    @property
    def n_requests(self) -> int:
        """Return how many requests there are."""
        return sum(map(len, self.requests.values()))


def make_plan(
    selected: Sequence[Probe],
    backend: Backend,
    model: ModelInfo,
    *,
    seed: int,
    limit: int | None,
    criteria: Criteria = Criteria(),  # noqa: B008 - immutable
) -> Plan:
    """Return every request of every probe, in the probes' order, and what the journal must agree with.

    Raises:
        ModelError: a probe needs a chat template that the tokenizer lacks, or a model of the other kind.
        PackError: a prompt template has a hole.
    """
    _check_masked(selected, backend, model.requested)
    _check_chat(selected, backend, model.requested)
    parts = []
    for probe in selected:
        samples = _limited(probe, seed=seed, limit=limit)
        asked = [
            tuple(requests.questions(probe, sample, seed=seed, render_chat=backend.render_chat)) for sample in samples
        ]
        parts.append(Part(probe=probe, samples=samples, questions=tuple(asked)))
    found: dict[Kind, list[Json]] = {"loglikelihood": [], "generate": []}
    owner: dict[Kind, list[str]] = {"loglikelihood": [], "generate": []}
    for part in parts:
        for request in _requests_of(part):
            kind = kind_of(request)
            found[kind].append(request)
            owner[kind].append(part.probe.id)
    header = make_header(
        code={"auditor": auditor.__version__, "code": schema.digest_code(), "environment": environment()},
        model=model,
        backend=backend.info,
        probes={part.probe.id: (part.probe.digest, [sample.id for sample in part.samples]) for part in parts},
        seed=seed,
        requests=found,
        criteria=criteria,
    )
    return Plan(parts=tuple(parts), requests=found, owner=owner, header=header)


def make_header(
    *,
    code: Mapping[str, Json],
    model: ModelInfo,
    backend: BackendInfo,
    probes: Mapping[str, tuple[str, Sequence[str]]],
    seed: int,
    requests: Mapping[Kind, Sequence[Json]],
    criteria: Criteria,
) -> dict[str, Json]:
    """Return what names a run before the first request is sent: every request, the model, how it is run and judged.

    `code` is auditor's version, the digest of its code and the environment; `probes` gives, by id, the digest of the
    items and the samples' ids in order.
    """
    header = {
        **code,
        "model": [file.sha256 for file in model.files],
        "backend": backend,
        "probes": {name: [digest, len(ids), schema.digest_of(list(ids))] for name, (digest, ids) in probes.items()},
        "seed": seed,
        "requests": schema.digest_of(requests),
        "scorers": {name: list(scorer) for name, scorer in criteria.scorers.items()},
        "classifier": criteria.classifier,
        "policies": criteria.policies,
    }
    found: dict[str, Json] = msgspec.to_builtins(header)
    return found


def _check_masked(selected: Sequence[Probe], backend: Backend, name: str) -> None:
    masked = backend.info.masked
    unfit = [probe.id for probe in selected if probe.ask.masked != masked]
    if unfit:
        rest = ",".join(probe.id for probe in selected if probe.id not in unfit)
        kind, other = ("masked", "causal") if masked else ("causal", "masked")
        raise ModelError(
            f"{name} is a {kind} language model, and {', '.join(unfit)} can only be asked of a {other} one",
            hint=f"choose --probes {rest}" if rest else f"choose probes for {kind} models, or a {other} model",
        )


def _check_chat(selected: Sequence[Probe], backend: Backend, name: str) -> None:
    need = [probe.id for probe in selected if probe.ask.chat]
    if need and not backend.info.chat_template_digest:
        rest = ",".join(probe.id for probe in selected if probe.id not in need)
        raise ModelError(
            f"the tokenizer of {name} has no chat template, which {', '.join(need)} needs",
            hint=f"leave it out: --probes {rest}" if rest else "choose probes that need none",
        )


def _limited(probe: Probe, *, seed: int, limit: int | None) -> tuple[Sample, ...]:
    """Return all samples, or at most `limit` of them in their order: random items, each in all its phrasings."""
    if limit is None or limit >= len(probe.samples):
        return probe.samples
    each = max(1, len(probe.ask.phrasings))
    rng = np.random.Generator(np.random.PCG64(requests.sample_seed(seed, probe.id, "limit", 0)))
    chosen = rng.choice(len(probe.samples) // each, size=max(1, limit // each), replace=False)
    return tuple(probe.samples[item * each + which] for item in sorted(chosen) for which in range(each))


def _requests_of(part: Part) -> Iterator[LoglikelihoodRequest | GenerateRequest]:
    for asked in part.questions:
        for question in asked:
            yield from question.requests


def kind_of(request: LoglikelihoodRequest | GenerateRequest) -> Kind:
    """Return which of a backend's methods answers a request."""
    return "loglikelihood" if isinstance(request, LoglikelihoodRequest) else "generate"
