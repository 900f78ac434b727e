"""Whether a record's samples are those of the probes that it names: each item, its labels, and what is asked of it.

The plan that is fixed before the first request covers requests and ids, not what an item says of itself: which answer
is right, which group it is about. Scores rest on that, and whoever changes it can compute them anew. The digest of the
probe covers it, so whoever has the probe can tell. One that is not at hand, or of another digest, leaves it open.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from auditor import probes, requests
from auditor.checking import check
from auditor.errors import AuditorError
from auditor.plan import limited
from auditor.probes import Place, Probe
from auditor.requests import RenderChat
from auditor.samples import AskedSample
from auditor.types import Check, GenerateRequest, Json, ProbeResult, Question, Request, RunRecord, Sample

_DESCRIBED = ("version", "title", "family", "construct", "languages", "license", "source", "content_notice", "scoring")


def checks(
    found: RunRecord,
    lines: Mapping[str, Sequence[AskedSample]],
    packs: Sequence[Path] = (),
    data_dir: Path | None = None,
) -> Iterator[Check]:
    """Yield whether each probe's samples are those of the probe at hand that has its digest.

    Raises:
        PackError: a pack holds no probe, or an id twice.
    """
    places = probes.find(packs)
    for probe in found.probes:
        what = f"{probe.id} items"
        here = _at_hand(probe, places.get(probe.id), data_dir)
        if isinstance(here, str):
            yield Check(what=what, outcome="not_checked", detail=here)
        else:
            yield _compared(what, probe, here, lines[probe.id], found)


def chat_checks(
    found: RunRecord,
    lines: Mapping[str, Sequence[AskedSample]],
    render_chat: RenderChat,
    *,
    packs: Sequence[Path] = (),
    data_dir: Path | None = None,
    dated: bool = False,
) -> Iterator[Check]:
    """Yield whether the prompts of each conversation are what the model's chat template makes of the probe's items.

    A probe that is not at hand is left out: that its items are not checked is said of them already. `dated`: the
    template tells the date, so that another prompt proves nothing on another day.

    Raises:
        PackError: a pack holds no probe, or an id twice.
        ModelError: the tokenizer has no chat template, or the template fails.
    """
    places = probes.find(packs)
    for probe in found.probes:
        here = _at_hand(probe, places.get(probe.id), data_dir)
        if isinstance(here, str) or not here.ask.chat:
            continue
        what = f"{probe.id} chat prompts"
        samples = limited(here, seed=found.run.seed, limit=found.run.limit)
        compared = (
            check(what, _prompts(line.asked), _prompts(asked), name=f"{probe.samples_file.path}: {line.id}")
            for line, sample in zip(lines[probe.id], samples, strict=True)
            for asked in [requests.questions(here, sample, seed=found.run.seed, render_chat=render_chat)]
        )
        other = next((one for one in compared if one.outcome == "differs"), None)
        if other and dated:
            told = f"the chat template tells the date, which can be why {other.detail}"
            yield Check(what=what, outcome="not_checked", detail=told)
        else:
            yield other or Check(what=what, outcome="same")


def _prompts(asked: Sequence[Question]) -> list[Json]:
    every = (request for one in asked for request in one.requests)
    return [request.prompt for request in every if isinstance(request, GenerateRequest)]


def _at_hand(probe: ProbeResult, place: Place | None, data_dir: Path | None) -> Probe | str:
    """Return the probe of a record as it lies on the disk, or why it does not."""
    if place is None:
        return "the probe is not at hand: give the pack that holds it with --pack"
    if place.external and data_dir is None:
        return "its data files are not at hand: give --data-dir"
    try:
        here = probes.load(place.folder, place.part, data_dir=data_dir)
    except AuditorError as fault:
        return fault.message
    if here.digest != probe.digest:
        return f"the probe at hand is another one: its version is {here.version}, the record's {probe.version}"
    return here


def _compared(what: str, probe: ProbeResult, here: Probe, lines: Sequence[AskedSample], found: RunRecord) -> Check:
    """Return where the record first differs from the probe: in what it says of it, or in a sample."""
    samples = limited(here, seed=found.run.seed, limit=found.run.limit)
    said = {key: getattr(probe, key) for key in _DESCRIBED}
    now = {key: getattr(here, key) for key in _DESCRIBED}
    if here.data is None:
        said |= {"data_files": probe.data_files, "data_pinned": probe.data_pinned}
        now |= {"data_files": here.files, "data_pinned": here.pinned}
    about = check(
        what,
        {**said, "kind": probe.kind, "n_items": probe.n_items, "n_selected": len(lines)},
        {**now, "kind": here.ask.kind, "n_items": len(here.samples), "n_selected": len(samples)},
    )
    if about.outcome == "differs":
        return about
    for line, sample in zip(lines, samples, strict=True):
        asked = requests.questions(here, sample, seed=found.run.seed, render_chat=lambda _: "")
        one, two = (line.sample, _bare(line.asked)), (sample, _bare(asked))
        if one == two:
            continue
        same = check(what, _named(*one), _named(*two), name=f"{probe.samples_file.path}: {line.id}")
        if same.outcome == "differs":
            return same
    return Check(what=what, outcome="same")


def _bare(asked: Sequence[Question]) -> list[Question]:
    """Return questions without the prompts that a chat template made, which only the model's tokenizer has."""
    return [replace(one, requests=tuple(map(_without_chat, one.requests))) for one in asked]


def _without_chat(request: Request) -> Request:
    return replace(request, prompt="") if isinstance(request, GenerateRequest) and request.chat else request


def _named(sample: Sample, asked: Sequence[Question]) -> dict[str, Json]:
    about = {"id": sample.id, "cluster": sample.cluster, "slices": sample.slices, "fields": sample.fields}
    return {**about, "questions": asked}
