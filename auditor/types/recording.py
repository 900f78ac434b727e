"""What is written down: the model and how it was run, the results, the card's facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from auditor.types.asking import Family, Json
from auditor.types.calibrating import Calibration
from auditor.types.costing import Costs
from auditor.types.files import FileDigest
from auditor.types.judging import Audience, Verdict
from auditor.types.measuring import Metric, ScorerRef, Scoring, Undefined
from auditor.types.overlapping import Contamination


class ModelRef(Struct, frozen=True, kw_only=True):
    """What the user named, resolved to files and their digests.

    `folder` is where the files lie on this machine and stays out of the record; `weights` are names within it. A file
    that stands `alone` was named itself: what lies beside it is not of the model. An adapter that is to be run has the
    `base` model that it is put onto, whose files are among its own under names that begin with `base/`.
    """

    requested: str
    format: Literal["safetensors", "gguf", "pickle"]
    folder: str
    weights: tuple[str, ...]
    files: tuple[FileDigest, ...]
    repository: str = ""
    revision: str = ""
    alone: bool = False
    base: ModelRef | None = None

    @property
    def is_adapter(self) -> bool:
        """Whether there are no weights but those of an adapter."""
        return bool(self.weights) and all(name.startswith("adapter_model.") for name in self.weights)

    @property
    def brings_adapter(self) -> bool:
        """Whether there are weights of an adapter, beside others or alone."""
        return any(name.startswith("adapter_model.") for name in self.weights)

    @property
    def tokenized_by(self) -> ModelRef:
        """The model whose tokenizer is used: the base model's where an adapter brings none."""
        own = any(file.path == "tokenizer_config.json" for file in self.files)
        return self if own or self.base is None else self.base


class Evidence(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a fact rests on, so that it can be looked up.

    A `file` has `path` (within the model's folder) and `sha256`, and `text` says where in it; a `metric` has its
    address (`probe:name`); a `declaration` has `by` and `date` (YYYY-MM-DD), and `text` is what the person points to;
    a `run` is this audit's own, and `text` says which part of it.
    """

    kind: Literal["file", "metric", "declaration", "run"]
    path: str = ""
    sha256: str = ""
    metric: str = ""
    by: str = ""
    date: str = ""
    text: str = ""


FactStatus = Literal["measured", "derived", "declared", "withheld", "not_applicable", "missing"]


class Fact(Struct, frozen=True, kw_only=True):
    """A statement of the card and how it is known. `value` is None exactly when nothing is known or said.

    `source` says it for people; `evidence` says the same so that a program can look it up, and is empty exactly when
    the fact is missing. `audiences` are the only readers that whoever declared it wants it to go to (empty: anybody).
    """

    status: FactStatus
    value: Json = None
    source: str = ""
    reason: str = ""
    evidence: tuple[Evidence, ...] = ()
    audiences: tuple[Audience, ...] = ()


class ModelInfo(Struct, frozen=True, kw_only=True):
    """The model as it was opened: digests of whatever can change a score, and the facts read off its files.

    `others` are what further files say of the same facts, by key, in order of precedence.
    """

    requested: str
    format: str
    repository: str
    revision: str
    files: tuple[FileDigest, ...]
    weights_digest: str
    facts: dict[str, Fact]
    others: dict[str, tuple[Fact, ...]] = {}


class BackendInfo(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the model was run. `chat_template_digest` is empty for a tokenizer without one.

    `masked` models score what two texts share, and answer nothing else.
    """

    name: str
    version: str
    tokenizer_digest: str
    chat_template_digest: str
    context_length: int
    parameters: int
    trust_remote_code: bool
    allow_pickle: bool
    device: str
    dtype: str
    batch_tokens: int
    batch_rows: int
    attention: str
    packed: bool
    threads: int
    masked: bool = False


class ProbeResult(Struct, frozen=True, kw_only=True):
    """One probe's part of the record. `n_selected` < `n_items` makes it partial.

    `data_files` are those that a benchmark's items were read from, `data_pinned` says that their version was checked;
    `digest` covers the items themselves. `calibrations` are the digests of those of the scorer that its metrics are by,
    best first; they themselves stand in the record, and in the card, once.
    """

    id: str
    version: str
    title: str
    family: Family
    construct: str
    kind: str
    languages: tuple[str, ...]
    license: str
    source: str
    content_notice: str
    data_files: tuple[FileDigest, ...]
    digest: str
    n_items: int
    n_selected: int
    samples_file: FileDigest
    unscored: dict[str, int]
    counts: dict[str, int]
    scorer: ScorerRef
    scoring: Scoring
    metrics: tuple[Metric | Undefined, ...]
    calibrations: tuple[str, ...] = ()
    data_pinned: bool = True

    @property
    def partial(self) -> bool:
        """Whether fewer samples were asked than the probe has."""
        return self.n_selected < self.n_items


class RunInfo(Struct, frozen=True, kw_only=True):
    """What was asked of this run.

    `plan_digest` covers every request and sample id, the model and how it is run, the scorers and their calibrations,
    the digests of the `policies` (by id) that the run was started with, and that of the `previous` record that changes
    are counted from: all of it fixed before the first request. `classifier_request` is what `--toxicity` opened, a file
    by its name alone, as are `calibrations`. `not_asked` says why every other probe that was at hand was left out.
    """

    auditor_version: str
    code_digest: str
    seed: int
    limit: int | None
    packs: tuple[str, ...]
    plan_digest: str
    classifier: ScorerRef | None
    classifier_request: str
    classifier_notes: str
    calibrations: tuple[str, ...] = ()
    policies: dict[str, str] = {}
    previous: str = ""
    not_asked: dict[str, str] = {}


class Clocks(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When and at what cost: the only part of a record that may differ between two equal runs.

    `planned_at` is when the plan was fixed; a resumed run keeps the time of the run that it goes on with. `costs` are
    over all processes of the run, the other figures of its last one.
    """

    planned_at: str
    started_at: str
    finished_at: str
    duration_s: float
    peak_memory_bytes: int
    requests: int
    requests_from_journal: int
    costs: Costs | None = None


class RunRecord(Struct, frozen=True, kw_only=True):
    """All that was measured, and all that could have changed it.

    `content_digest` covers everything but `clocks`, so equal runs have equal ones; `digest` covers both.
    `contamination` is absent where no training files were given.
    """

    schema: str
    run: RunInfo
    model: ModelInfo
    backend: BackendInfo
    environment: dict[str, str]
    probes: tuple[ProbeResult, ...]
    clocks: Clocks
    contamination: Contamination | UnsetType = UNSET
    calibrations: tuple[Calibration, ...] = ()
    content_digest: str = ""
    digest: str = ""

    def calibrations_of(self, probe: ProbeResult) -> list[Calibration]:
        """Return the calibrations that a probe names, best first."""
        return _named(self.calibrations, probe)

    def metric(self, address: str, where: Mapping[str, str]) -> Metric | Undefined | None:
        """Return the metric at `probe:name` for a slice (empty: all samples), or None when there is none.

        What was found of a probe's items in training files is among them.
        """
        probe = self.probe_of(address)
        name = address.partition(":")[2]
        overlap = self.contamination.probe(probe.id) if probe and self.contamination else None
        for metric in (*(probe.metrics if probe else ()), *(overlap.metrics if overlap else ())):
            if metric.key.name == name and metric.slice == dict(where):
                return metric
        return None

    def probe_of(self, address: str) -> ProbeResult | None:
        """Return the result of the probe that a metric address (`probe:name`) begins with, or None."""
        return next((probe for probe in self.probes if probe.id == address.partition(":")[0]), None)


Role = Literal["weights", "config", "tokenizer", "chat_template", "generation_defaults", "adapter", "code", "other"]


class Part(Struct, frozen=True, kw_only=True):
    """A part of the model by what it is for: a file, or what was read out of files when the model was opened.

    `bytes` is the file's size, and 0 for what was read out of files (`kind` *loaded*), whose digest is of the text.
    """

    role: Role
    kind: Literal["file", "loaded"]
    name: str
    sha256: str
    bytes: int = 0


class Described(Struct, frozen=True, kw_only=True):
    """The model that a card describes, with the digest of each part: when one changes, the card is of another model."""

    requested: str
    format: str
    repository: str
    revision: str
    parts: tuple[Part, ...]


class Exchange(Struct, frozen=True, kw_only=True):
    """What a model was told and what it answered. Both can be harmful, and are hostile text."""

    sample: str
    told: str
    answered: str


Texts = Mapping[str, Sequence[Exchange]]  # by probe


class Card(Struct, frozen=True, kw_only=True):
    """The model card's one source: facts with their status, the record's results, and the verdicts on both.

    `facts` are keyed `section.name`; a fact that nobody gave is present with status *missing*. `contradictions` says,
    by the fact's key, where what was declared and what the files say cannot both be true. `not_measured` says why, by
    probe or family. `contamination` is absent where no training files were given. `computed` holds what policies ask
    and a JSON Schema cannot work out. Policies judge a card that has no `verdicts` yet.
    """

    schema: str
    record_digest: str
    content_digest: str
    weights_digest: str
    model: Described
    facts: dict[str, Fact]
    facts_digest: str
    contradictions: dict[str, str]
    computed: dict[str, Json]
    run: RunInfo
    backend: BackendInfo
    environment: dict[str, str]
    clocks: Clocks
    probes: tuple[ProbeResult, ...]
    not_measured: dict[str, str]
    contamination: Contamination | UnsetType = UNSET
    calibrations: tuple[Calibration, ...] = ()
    verdicts: tuple[Verdict, ...] = ()

    def calibrations_of(self, probe: ProbeResult) -> list[Calibration]:
        """Return the calibrations that a probe names, best first."""
        return _named(self.calibrations, probe)


def _named(calibrations: Sequence[Calibration], probe: ProbeResult) -> list[Calibration]:
    held = {one.digest: one for one in calibrations}
    return [held[digest] for digest in probe.calibrations]
