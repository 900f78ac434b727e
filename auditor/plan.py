"""The plan: which samples of which probes are asked, every request of all of them together, and what names the run."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate, chain
from typing import Protocol, overload

import msgspec
import numpy as np
from msgspec import Struct
from msgspec.structs import replace

import auditor
from auditor import requests, schema
from auditor.backends.base import Backend
from auditor.environment import environment
from auditor.errors import ModelError
from auditor.journal import KINDS, Kind
from auditor.probes import Probe
from auditor.types import (
    BackendInfo,
    Json,
    LoglikelihoodRequest,
    ModelInfo,
    Question,
    Request,
    Sample,
    ScorerRef,
)


class Named(Protocol):
    """Has the id of a sample."""

    @property
    def id(self) -> str:
        """Return it."""
        ...


class Part(Struct, frozen=True, kw_only=True):
    """One probe's part of the plan: the samples selected, and where the requests of each end among those of its kind.

    `ask` makes the questions of a sample, the same whenever it is called; `ends[i]` is the number of the first request
    after those of sample i, and the part's first request is `start`.
    """

    probe: Probe
    samples: Sequence[Sample]
    ask: Callable[[Sample], list[Question]]
    start: int
    ends: Sequence[int]

    @property
    def kind(self) -> Kind:
        """Return which of a backend's methods answers its requests."""
        return "generate" if self.probe.ask.kind == "generation" else "loglikelihood"

    @property
    def numbers(self) -> range:
        """Return the numbers of its requests."""
        return range(self.start, self.ends[-1] if self.ends else self.start)

    def numbers_of(self, place: int) -> range:
        """Return the numbers of the requests of the sample at a place."""
        return range(self.ends[place - 1] if place else self.start, self.ends[place])


class Asked(Sequence[Request]):
    """All requests of a kind, in order of their numbers. None is kept: each is made when it is wanted."""

    def __init__(self, parts: Sequence[Part]) -> None:
        """Take the parts, in the order of their numbers."""
        self._parts = parts
        self._last: tuple[range, list[Request]] = (range(0), [])

    def __len__(self) -> int:
        """Return how many there are."""
        return self._parts[-1].numbers.stop if self._parts else 0

    @overload
    def __getitem__(self, number: int) -> Request: ...
    @overload
    def __getitem__(self, number: slice) -> list[Request]: ...
    def __getitem__(self, number: int | slice) -> Request | list[Request]:
        """Return the request of a number, or those of several."""
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(len(self)))]
        if not 0 <= number < len(self):
            raise IndexError(f"request {number} of {len(self)}")
        numbers, made = self._last
        if number not in numbers:
            numbers, made = self._sample_of(number)
            self._last = (numbers, made)
        return made[number - numbers.start]

    def __iter__(self) -> Iterator[Request]:
        """Yield them in order."""
        for part in self._parts:
            for sample in part.samples:
                yield from requests_of(part.ask(sample))

    def _sample_of(self, number: int) -> tuple[range, list[Request]]:
        """Return the numbers of the requests of one sample, and those."""
        part = self._parts[bisect_right(self._parts, number, key=lambda part: part.start) - 1]
        place = bisect_right(part.ends, number)
        return part.numbers_of(place), requests_of(part.ask(part.samples[place]))


class Criteria(Struct, frozen=True, kw_only=True):
    """What answers will be judged by, fixed before there are any: scorers by probe, the classifier, policies' digests.

    A scorer is its name and version; `calibrations` are the digests of its own, by probe, best first. `policies` are by
    id, and their digests cover their thresholds. `previous` is the digest of the record that changes are counted from,
    `overlap` that of what was found of the items in training files, empty where none were given.
    """

    scorers: dict[str, tuple[str, str]] = {}
    classifier: ScorerRef | None = None
    calibrations: dict[str, tuple[str, ...]] = {}
    policies: dict[str, str] = {}
    overlap: str = ""
    previous: str = ""


class Plan(Struct, frozen=True, kw_only=True):
    """All requests of all probes together, by kind."""

    parts: tuple[Part, ...]
    requests: dict[Kind, Asked]
    header: dict[str, Json]

    @property
    def n_requests(self) -> int:
        """Return how many requests there are."""
        return sum(self.sizes.values())

    @property
    def sizes(self) -> dict[Kind, int]:
        """Return how many requests of each kind there are."""
        return {kind: len(asked) for kind, asked in self.requests.items()}

    def of_kind(self, kind: Kind) -> list[Part]:
        """Return the parts whose requests are of a kind, in the order of their numbers."""
        return [part for part in self.parts if part.kind == kind]


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
    parts: list[Part] = []
    starts = dict.fromkeys(KINDS, 0)
    for probe in selected:
        part = _part(probe, backend, seed=seed, limit=limit, starts=starts)
        starts[part.kind] = part.numbers.stop
        parts.append(part)
    found = {kind: Asked([part for part in parts if part.kind == kind]) for kind in KINDS}
    header = make_header(
        code={"auditor": auditor.__version__, "code": schema.digest_code(), "environment": environment()},
        model=model,
        backend=backend.info,
        probes={part.probe.id: (part.probe.digest, part.samples) for part in parts},
        seed=seed,
        requests=found,
        criteria=criteria,
    )
    return Plan(parts=tuple(parts), requests=found, header=header)


def _part(probe: Probe, backend: Backend, *, seed: int, limit: int | None, starts: Mapping[Kind, int]) -> Part:
    """Return a probe's part; its requests' numbers go on from those of its kind."""
    samples = limited(probe, seed=seed, limit=limit)
    ask = partial(requests.questions, probe, seed=seed, render_chat=backend.render_chat)
    part = Part(probe=probe, samples=samples, ask=ask, start=0, ends=())
    counts = (len(requests_of(ask(sample))) for sample in samples)
    ends = accumulate(counts, initial=starts[part.kind])
    return replace(part, start=next(ends), ends=array("q", ends))


def make_header(
    *,
    code: Mapping[str, Json],
    model: ModelInfo,
    backend: BackendInfo,
    probes: Mapping[str, tuple[str, Sequence[Named]]],
    seed: int,
    requests: Mapping[Kind, Iterable[Request]],
    criteria: Criteria,
) -> dict[str, Json]:
    """Return what names a run before the first request is sent: every request, the model, how it is run and judged.

    `code` is auditor's version, the digest of its code and the environment; `probes` gives, by id, the digest of the
    items and the samples in order.
    """
    header = {
        **code,
        "model": [file.sha256 for file in model.files],
        "backend": backend,
        "probes": {name: [digest, len(samples), _digest_of_ids(samples)] for name, (digest, samples) in probes.items()},
        "seed": seed,
        "requests": _digest_of_requests(requests),
        "scorers": {name: list(scorer) for name, scorer in criteria.scorers.items()},
        "classifier": criteria.classifier,
        "calibrations": {name: list(digests) for name, digests in criteria.calibrations.items()},
        "policies": criteria.policies,
        **({"overlap": criteria.overlap} if criteria.overlap else {}),
        "previous": criteria.previous,
    }
    found: dict[str, Json] = msgspec.to_builtins(header)
    return found


def _digest_of_ids(samples: Iterable[Named]) -> str:
    return schema.digest_texts(schema.list_texts(sample.id for sample in samples))


def _digest_of_requests(asked: Mapping[Kind, Iterable[Request]]) -> str:
    """Return what `schema.digest_of` would, without a list of them."""
    kinds = sorted(asked)
    heads = ("{" if kind == kinds[0] else "," for kind in kinds)
    texts = (
        chain([f'{head}"{kind}":'], schema.list_texts(asked[kind])) for head, kind in zip(heads, kinds, strict=True)
    )
    return schema.digest_texts(chain(chain.from_iterable(texts), ["}"]))


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


def limited(probe: Probe, *, seed: int, limit: int | None) -> Sequence[Sample]:
    """Return all samples, or at most `limit` of them in their order: random items, each in all its wordings."""
    if limit is None or limit >= len(probe.samples):
        return probe.samples
    each = probe.ask.n_wordings
    rng = np.random.Generator(np.random.PCG64(requests.sample_seed(seed, probe.id, "limit", 0)))
    chosen = rng.choice(len(probe.samples) // each, size=max(1, limit // each), replace=False)
    return probe.samples.pick(item * each + which for item in sorted(chosen) for which in range(each))


def requests_of(asked: Sequence[Question]) -> list[Request]:
    """Return the requests of a sample's questions, in order."""
    return [request for question in asked for request in question.requests]


def kind_of(request: Request) -> Kind:
    """Return which of a backend's methods answers a request."""
    return "loglikelihood" if isinstance(request, LoglikelihoodRequest) else "generate"
