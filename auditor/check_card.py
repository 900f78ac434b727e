"""Checking a card: whether the model is still the one that it describes, and whether it says what it was made to say.

A card is read by people who hold a model's files, and both go their own ways: the chat template is changed, a number in
the Markdown is made prettier. Each part's digest is taken again, the document is rendered again from card.json, and
card.json is built again from the record. Nothing is downloaded and no model is opened.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from auditor import earlier, gguf_file, policies, record, renderings, schema
from auditor.card import build_card, with_older_constants
from auditor.card_file import CARD_JSON, load_card
from auditor.checking import check as compare
from auditor.checking import compare_texts
from auditor.commands import PROVENANCE, WAIVERS
from auditor.described import part_of
from auditor.errors import AuditorError, CardError
from auditor.fixed import constants_checks, policy_checks
from auditor.judge import judge, worst
from auditor.provenance.declare import load_declared
from auditor.provenance.resolve import resolve
from auditor.types import Card, Check, ModelRef, Part, Policy, RunRecord, Verdict, Verification, Waiver
from auditor.waivers import load as load_waivers

_NEVER_LOADED = {"weights", "generation_defaults", "adapter"}  # with a tokenizer, which lies beside them
_MARKER = re.compile(r"<!-- auditor: ([a-z-]+)(?:, texts (\d+))?, of the card with sha256 ([0-9a-f]{64}) -->")


class Asked(Struct, frozen=True, kw_only=True):
    """What to check, and against what. `policy` names one that is not shipped; `template` made the document.

    Without `provenance` and `waivers`, those kept with the record are used.
    """

    path: Path
    model: str = ""
    record: Path | None = None
    card_json: Path | None = None
    provenance: Path | None = None
    waivers: Path | None = None
    policy: str = ""
    template: Path | None = None


def check_card(asked: Asked) -> Verification:
    """Return what came of checking a card: against itself, the document, the model, the record, in this order.

    Raises:
        CardError: there is no card, it is of another schema version, or it breaks the schema.
        RecordError: the record is missing or was changed.
        TemplateError: the user's template has a hole.
    """
    is_document = asked.path.suffix != ".json"
    if is_document and not schema.is_file(asked.path):
        why = "it is a folder" if asked.path.is_dir() else "no such file"
        raise CardError(f"cannot read {asked.path}: {why}", hint="give card.json, or a document made of it")
    source = (asked.card_json or asked.path.parent / CARD_JSON) if is_document else asked.path
    card = load_card(source)
    checks = list(_own_checks(card))
    if is_document:
        checks.append(_document_check(asked, card))
    if asked.model:
        checks += _model_checks(card, asked.model, source)
    if asked.record is not None:
        checks += _record_checks(card, asked)
    return Verification(record_digest=card.record_digest, checks=tuple(checks))


def _own_checks(card: Card) -> Iterator[Check]:
    """Yield whether the card's digests fit what they are of, and its verdicts their own findings."""
    yield compare("facts", card.facts_digest, schema.digest_of(card.facts))
    for verdict in card.verdicts:
        was = {"record": verdict.record_digest, "facts": verdict.facts_digest}
        yield compare(f"verdict of {verdict.policy}", was, {"record": card.record_digest, "facts": card.facts_digest})
        amounts_to = worst(finding.status for finding in verdict.findings if finding.required)
        yield compare(f"status of {verdict.policy} from its findings", verdict.status, amounts_to)
    weights = [[part.name, part.sha256] for part in card.model.parts if _holds_weights(part)]
    yield compare("digest of the weights", card.weights_digest, schema.digest_of(sorted(weights)))


def _holds_weights(part: Part) -> bool:
    return part.kind == "file" and part.role in {"weights", "adapter"} and not part.name.endswith(".json")


def _document_check(asked: Asked, card: Card) -> Check:
    """Return whether a document is what the card renders to; the first line that differs is named."""
    name = asked.path.name
    try:
        said = asked.path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        return Check(what=name, outcome="differs", detail=f"it cannot be read: {fault}")
    found = _MARKER.search(said)
    rendering, n_texts = (found[1], int(found[2] or 0)) if found else ("", 0)
    if asked.template is None and rendering not in renderings.names():
        return Check(what=name, outcome="differs", detail="it does not say which rendering of a card it is")
    if n_texts and asked.record is None:
        return Check(what=name, outcome="not_checked", detail="it shows texts of the record: give --record")
    folder = asked.record if asked.record is None or asked.record.is_dir() else asked.record.parent
    texts = renderings.read_texts(card, folder, n_texts) if folder and n_texts else {}
    return compare_texts(name, said, renderings.render(card, rendering, template=asked.template, texts=texts))


def _model_checks(card: Card, model: str, source: Path) -> Iterator[Check]:
    """Yield, for each part of the model, whether it is as the card describes it; the card itself is none, if there."""
    trusted = card.backend.trust_remote_code
    try:
        ref = resolve(model, offline=True, allow_pickle=card.backend.allow_pickle, trust_remote_code=trusted)
    except AuditorError as fault:
        yield Check(what="model", outcome="not_checked", detail=fault.message)
        return
    folder, own = Path(ref.folder), source.resolve()
    now = {part.name: part for part in map(part_of, ref.files) if (folder / part.name).resolve() != own}
    was = {part.name: part for part in card.model.parts if part.kind == "file"}
    changed = False
    for name in [*was, *(name for name in now if name not in was)]:
        found = _part_check(was.get(name), now.get(name))
        role = (was.get(name) or now[name]).role
        changed = changed or (found.outcome == "differs" and (ref.format == "gguf" or role not in _NEVER_LOADED))
        yield found
    yield from _loaded_checks(card, ref, changed=changed)


def _part_check(was: Part | None, now: Part | None) -> Check:
    part = was or now
    what = f"{part.role.replace('_', ' ')}: {part.name}" if part else ""
    if was is None or now is None:
        detail = "the card does not know it" if was is None else "the card describes it, and it is not there"
        return Check(what=what, outcome="differs", detail=detail)
    if was.sha256 == now.sha256:
        return Check(what=what, outcome="same")
    return Check(what=what, outcome="differs", detail=f"sha256 {was.sha256[:12]} on the card, {now.sha256[:12]} now")


def _loaded_checks(card: Card, ref: ModelRef, *, changed: bool) -> Iterator[Check]:
    """Yield whether what is read out of the files is as it was: it is where none has changed that it is read out of."""
    for part in card.model.parts:
        if part.kind == "loaded":
            what = f"{part.role.replace('_', ' ')}, {part.name}"
            if not changed:
                yield Check(what=what, outcome="same")
                continue
            template = _chat_template(ref) if part.role == "chat_template" else None
            if template is None:
                yield Check(what=what, outcome="not_checked", detail="files changed, and it is read out of them")
            else:
                yield compare(what, part.sha256, hashlib.sha256(template.encode()).hexdigest())


def _chat_template(ref: ModelRef) -> str | None:
    """Return the text of a model's chat template, or None where it has none or several."""
    folder = Path(ref.tokenized_by.folder)
    if ref.format == "gguf":
        field = gguf_file.read(str(folder / ref.weights[0])).fields.get("tokenizer.chat_template")
        return None if field is None else str(field.contents())
    try:
        if (folder / "chat_template.jinja").is_file():
            return (folder / "chat_template.jinja").read_text(encoding="utf-8")
        found = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8")).get("chat_template")
    except (OSError, ValueError, AttributeError):
        return None
    return found if isinstance(found, str) else None


def _record_checks(card: Card, asked: Asked) -> Iterator[Check]:
    """Yield whether the card follows from its record, the declared facts, the waivers and the policies."""
    found, folder = record.load_record(asked.record or Path())
    facts, waived = asked.provenance or folder / PROVENANCE, asked.waivers or folder / WAIVERS
    declared = load_declared(facts) if asked.provenance or facts.is_file() else {}
    known = {*policies.find(), *(verdict.policy for verdict in card.verdicts)}
    used = load_waivers(waived, known) if asked.waivers or waived.is_file() else ()
    as_of = card.verdicts[0].as_of if card.verdicts else ""
    if as_of and as_of < found.clocks.finished_at[:10]:
        detail = f"{as_of} lies before the measurement of {found.clocks.finished_at[:10]}"
        yield Check(what="day of judgement", outcome="differs", detail=detail)
    built = build_card(found, declared, as_of=as_of, comparison=earlier.kept(folder, found))
    again, changed = with_older_constants(built, card.computed)
    yield from constants_checks(changed)
    said, now = schema.canonical_json(replace(card, verdicts=()), indent=1), schema.canonical_json(again, indent=1)
    yield compare_texts(f"{CARD_JSON} from the record", said, now)
    yield from policy_checks(found, card.verdicts)
    for verdict in card.verdicts:
        given = policies.load(asked.policy) if asked.policy else None
        if given is None or given.digest != verdict.policy_digest:
            given = policies.at_hand(folder, verdict.policy, verdict.policy_digest)
        yield _verdict_check(found, again, verdict, used, given)


def _verdict_check(
    found: RunRecord, card: Card, verdict: Verdict, waived: Sequence[Waiver], policy: Policy | None
) -> Check:
    """Return whether a policy, where it is at hand as it was, judges the card as the card says."""
    name = verdict.policy
    if policy is not None:
        return compare(f"verdict of {name} again", verdict, judge(found, card, policy, waived))
    why = "the policy that it was reached by is not at hand: give it with --policy, or judge again"
    return Check(what=f"verdict of {name} again", outcome="not_checked", detail=why)
