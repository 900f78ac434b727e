"""Labelled replies: written by us, put together from pieces, read from models, and made incoherent on purpose."""

from __future__ import annotations

import csv
import hashlib
import json
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from auditor.scorers.minilm_refusal import LABELS
from auditor.scorers.reply_language import unsupported_language
from auditor.scorers.reply_rules import Label
from training.refusal.broken import WAYS, Bigrams, bigrams_of

Part = Literal["train", "calibration"]
ROOT = Path(__file__).resolve().parents[2]
ITEMS = ROOT / "training" / "items" / "refusal"
OLD = ROOT / "tests" / "data" / "replies.jsonl"
DEVELOPED_ON = {"llama2_chat", "claude", "vicuna", "falcon", "gpt35", "qwen", "smollm", "mistral_guard"}
COMPLIES, REFUSES, PARTLY, INCOHERENT = LABELS
MANNERS = {
    "manners.jsonl": "written in more manners",
    "usual.jsonl": "written in usual wordings",
    "unusual.jsonl": "written in unusual forms",
    "assistants.jsonl": "written in the manner of assistants",
    "voices.jsonl": "written in strange voices",
    "weak.jsonl": "written in the manner of weak models",
    "modern.jsonl": "written in the manner of present-day assistants",
    "nonsense.jsonl": "fluent nonsense and weak answers, written",
    "forms.jsonl": "written in odd forms",
    "partly.jsonl": "written on the border of partial refusal",
    "personas.jsonl": "written in personas",
    "plain.jsonl": "written in plain wordings, on prompts that sound unsafe",
    "everyday.jsonl": "written in plain wordings, on everyday prompts",
}
MORE_MANNERS = {
    "border.jsonl": "written on the border of compliance and refusal",
    "oddly.jsonl": "written in forms that hide a refusal",
    "drifting.jsonl": "weak and drifting replies, written",
}
READ, MORE_READ = ("smollm2.jsonl", "more_read.jsonl"), ("read_by_two.jsonl",)
HELD_MANNERS = {
    *("as_an_ai", "code_lists", "dry", "headmaster", "helpline", "nuanced", "teen"),
    *("continued_prompt", "no_opinions", "redirect_only"),
    *("british_slang", "counter_offer", "footnotes", "grandmother", "minutes"),
    *("robot", "second_language", "shell_session", "think_tags", "verse"),
    *("coding_assistant", "customer_email_template", "email_style", "finance_bot", "kids_tutor", "legalistic"),
    *("search_cited", "voice_assistant"),
    *("bibliography_entry", "exam_paper", "golf_whisper", "kerry_publican", "latex_theorem", "lighthouse_log"),
    *("score_markings", "silent_film_card", "spirit_medium", "tarot_spread", "wiki_talk"),
    *("mild_repeat", "prompt_rephrase", "topic_drift"),
    *("companion_app", "concise_plain", "eager", "json_tool", "kids_pal", "step_planner", "storyteller"),
    *("code_remark", "me_story", "newswire"),
    *("archaic_english", "chess_notes", "child_talk", "field_notes", "haiku", "limerick", "lullaby", "multiple_choice"),
    *("obituary", "recipe_card"),
    *("empathic", "memo", "moral_aside", "support_agent"),
    *("neapolitan_baker", "sms_1999", "solemn_undertaker"),
    *("plain_as_an_ai", "plain_hotline_care", "plain_moralising_instead", "plain_neutral_overview", "plain_one_line"),
    *("usual_base_drift", "usual_doubting", "usual_guidelines", "usual_lecturing", "usual_listy"),
    *("border_as_an_ai", "border_policy_voice", "border_privacy"),
    *("oddly_butler", "oddly_cat", "oddly_elizabethan", "oddly_fisherman", "oddly_flowchart", "oddly_label"),
    *("drifting_lecture_notes", "drifting_recipe_card", "drifting_sums_steps"),
}
HELD = "written in held-out manners"
PEOPLE = {"1_full_compliance": COMPLIES, "2_full_refusal": REFUSES, "3_partial_refusal": PARTLY}
_FITS_MANY = ("Nothing", "I ", "I'm ", "It depends", "There is no", "There's no", "No,", "No.", "Yes")
_SEED = 6


class Reply(Struct, frozen=True, kw_only=True):
    """A reply to a prompt with its label; `weight` is its share in the loss.

    Replies to one prompt are in one part, but for those in held-out manners (`HELD`), which all calibrate.
    """

    prompt: str
    reply: str
    label: Label
    source: str
    part: Part
    weight: float = 1.0


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def tests() -> dict[str, list[dict[str, str]]]:
    """Return the labelled replies that nothing is trained on, by the name of their set."""
    old = [row for row in read_rows(OLD) if row["manner"] not in DEVELOPED_ON]
    return {
        "written in twelve manners": read_rows(ITEMS / "held_out.jsonl"),
        "written in eight manners": old,
        "written in ten manners": read_rows(ITEMS / "new_manners.jsonl"),
        "written in twenty manners": read_rows(ITEMS / "strangers.jsonl"),
        "written in twenty more manners": read_rows(ITEMS / "more_strangers.jsonl"),
        "written in 24 manners": read_rows(ITEMS / "third_strangers.jsonl"),
        "written in 24 more manners": read_rows(ITEMS / "fourth_strangers.jsonl"),
        "written in 24 other manners": read_rows(ITEMS / "fifth_strangers.jsonl"),
        "read from models": read_rows(ITEMS / "read.jsonl"),
        "read from models later": read_rows(ITEMS / "read_later.jsonl"),
    }


def xstest(data: Path, model: str) -> list[dict[str, str]]:
    """Return a model's completions of XSTest with the label that people agreed on."""
    with (data / "xstest" / f"completions_{model}.csv").open(encoding="utf-8", newline="") as stream:
        return labelled_by_people(csv.DictReader(stream))


def labelled_by_people(table: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    """Return the replies of a table of XSTest's completions with the label that people agreed on."""
    return [
        {"prompt": row["prompt"], "reply": row["completion"], "label": PEOPLE[row["final_label"]], "type": row["type"]}
        for row in table
    ]


def training(data: Path, *, more: bool = False) -> list[Reply]:
    """Return all replies to train and calibrate on; none answers a prompt of a test.

    With `more` they are those of the candidate of ADR 38, which did not ship.
    """
    held = {row["prompt"] for rows in tests().values() for row in rows}
    manners = MANNERS | MORE_MANNERS if more else MANNERS
    in_manners, apart = _in_manners(manners, apart=False), _in_manners(manners, apart=True)
    read = [reply for file in READ for reply in _from_model(file, 4.0 if more else 5.0)]
    read += [reply for file in MORE_READ for reply in _from_model(file, 4.0)] if more else []
    plain = [*_written(), *in_manners, *_older(), *read, *_people(data), *_short_answers(data)]
    plain = [reply for reply in plain if reply.prompt not in held and not unsupported_language(reply.reply)]
    apart = [reply for reply in apart if reply.prompt not in held and not unsupported_language(reply.reply)]
    rng = np.random.default_rng(_SEED)
    pieces = [*read_rows(ITEMS / "written.jsonl"), *_manners("manners.jsonl", apart=False)]
    pieces = [row for row in pieces if row["prompt"] not in held]
    found = [*plain, *_composed(pieces, rng), *_incoherent(plain, rng)]
    trained = {reply.reply for reply in found if reply.part == "train"} if more else set()
    return [*found, *(reply for reply in apart if reply.reply not in trained)]


def part_of(prompt: str) -> Part:
    """Return the part that a prompt belongs to, by its digest: one in six calibrates."""
    return "calibration" if hashlib.sha256(prompt.encode()).digest()[0] % 6 == 0 else "train"


def _reply(prompt: str, reply: str, label: str, source: str, weight: float = 1.0, key: str = "") -> Reply:
    (known,) = (one for one in LABELS if one == label)
    return Reply(prompt=prompt, reply=reply, label=known, source=source, part=part_of(key or prompt), weight=weight)


def _written() -> Iterator[Reply]:
    for row in read_rows(ITEMS / "written.jsonl"):
        yield _reply(row["prompt"], row["reply"], row["label"], "written", 2.0)


def _manners(file: str, *, apart: bool) -> list[dict[str, str]]:
    """Return a file's replies written in held-out manners, or those in the others."""
    return [row for row in read_rows(ITEMS / file) if (row["manner"] in HELD_MANNERS) == apart]


def _in_manners(manners: dict[str, str], *, apart: bool) -> list[Reply]:
    found = [
        _reply(row["prompt"], row["reply"], row["label"], HELD if apart else source, 2.0)
        for file, source in manners.items()
        for row in _manners(file, apart=apart)
    ]
    return [replace(reply, part="calibration") for reply in found] if apart else found


def _older() -> Iterator[Reply]:
    for row in read_rows(OLD):
        if row["manner"] in DEVELOPED_ON:
            yield _reply(row["prompt"], row["reply"], row["label"], "written for the rules", 2.0)


def _from_model(file: str, weight: float) -> Iterator[Reply]:
    for row in read_rows(ITEMS / file):
        yield _reply(row["prompt"], row["reply"], row["label"], f"{row['model']}, read", weight)


def _people(data: Path) -> Iterator[Reply]:
    for row in xstest(data, "mistralinstruct"):
        yield _reply(row["prompt"], row["reply"], row["label"], "Mistral-Instruct on XSTest", 4.0, key=row["type"])


def _short_answers(data: Path) -> Iterator[Reply]:
    """Yield the best answer of each second question of TruthfulQA, and a wrong one of every fourth."""
    text = (data / "truthfulqa" / "TruthfulQA.csv").read_text(encoding="utf-8").lstrip("\ufeff\r\n")
    for number, row in enumerate(csv.DictReader(text.splitlines())):
        if number % 2 == 0:
            yield _reply(row["Question"], row["Best Answer"], COMPLIES, "TruthfulQA", 0.5)
        if number % 4 == 0:
            yield _reply(row["Question"], row["Incorrect Answers"].split(";")[0], COMPLIES, "TruthfulQA", 0.5)


class _Pieces:
    """Pieces of replies, drawn at random."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self._lists = tomllib.loads((ITEMS / "pieces.toml").read_text(encoding="utf-8"))

    def draw(self, name: str, act: str = "", chance: float = 1.0) -> str:
        """Return a piece about an act (any piece without one where `act` is empty), or nothing."""
        if self.rng.random() >= chance:
            return ""
        fit = [piece for piece in self._lists[name] if act or "{act}" not in piece.lower()]
        piece = str(fit[self.rng.integers(len(fit))])
        return piece.replace("{act}", act).replace("{Act}", act[:1].upper() + act[1:])

    def maybe(self, chance: float) -> bool:
        """Return yes with this chance."""
        return bool(self.rng.random() < chance)

    def refusal(self, act: str) -> str:
        """Return a full refusal: declining, lecturing, or both, with or without an offer of something else."""
        lecture = self.draw("lecture", act) if act and self.maybe(0.45) else ""
        decline = self.draw("decline", act) if not lecture or self.maybe(0.6) else ""
        parts = [decline, lecture] if self.maybe(0.7) else [lecture, decline]
        parts += [self.draw("reason", act, 0.35), self.draw("offer", act, 0.45)]
        return " ".join(filter(None, parts))

    def dressed(self, answer: str, much: float = 0.4) -> str:
        """Return an answer with the courtesies and caveats that some models put around it."""
        gap = "\n\n" if "\n" in answer else " "
        return gap.join(filter(None, [self.draw("prefix", "", much), answer, self.draw("suffix", "", much)]))


def _composed(written: Sequence[dict[str, str]], rng: np.random.Generator) -> Iterator[Reply]:
    pieces = _Pieces(rng)
    acts = {row["prompt"]: row["act"] for row in written if row.get("act")}
    fine = [row for row in written if row["label"] == COMPLIES and "act" not in row]
    plain = sorted({row["prompt"] for row in fine})
    for prompt, act in sorted(acts.items()):
        for _ in range(10):
            yield _reply(prompt, pieces.refusal(act), REFUSES, "composed", 0.5)
    for prompt in plain:
        yield _reply(prompt, pieces.refusal(""), REFUSES, "composed", 0.5)
    for row in fine:
        yield _reply(row["prompt"], pieces.dressed(row["reply"], 0.6), COMPLIES, "composed", 0.5)
    for _ in range(450):
        row = fine[rng.integers(len(fine))]
        prompt, act = sorted(acts.items())[rng.integers(len(acts))]
        yield _reply(*_two_things(pieces, row, prompt, act), PARTLY, "composed", 0.5, key=row["prompt"])
    for _ in range(150):
        one, other = (fine[number] for number in rng.integers(len(fine), size=2))
        asked = pieces.draw("joined").format(first=one["prompt"], second=other["prompt"])
        said = "\n\n".join([pieces.dressed(one["reply"], 0.2), pieces.dressed(other["reply"], 0.2)])
        yield _reply(asked, said, COMPLIES, "composed", 0.5, key=one["prompt"])


def _two_things(pieces: _Pieces, row: dict[str, str], prompt: str, act: str) -> tuple[str, str]:
    """Return a prompt that asks for two things, and a reply that answers one and refuses the other."""
    asked = pieces.draw("joined").format(first=prompt, second=row["prompt"])
    gap = "\n\n" if pieces.maybe(0.6) else " "
    if pieces.maybe(0.5):
        refused = " ".join(filter(None, [pieces.draw("split", act), pieces.draw("refused_part", act)]))
        return asked, gap.join([row["reply"], refused[:1].upper() + refused[1:]])
    refused = pieces.draw("decline", act) if pieces.maybe(0.6) else pieces.draw("refused_part", act)
    opened = " ".join(filter(None, [refused[:1].upper() + refused[1:], pieces.draw("reason", act, 0.2)]))
    return asked, gap.join([" ".join(filter(None, [opened, pieces.draw("turn", act)])), row["reply"]])


def _incoherent(plain: Sequence[Reply], rng: np.random.Generator) -> Iterator[Reply]:
    """Yield replies paired with another prompt, and replies whose words are broken in each way of `WAYS`.

    Short replies, and those that would fit many a question, stay with their own.
    """
    answers = [reply for reply in plain if reply.label == COMPLIES]
    bigrams = bigrams_of([reply.reply for reply in answers])
    for part in ("train", "calibration"):
        some = [reply for reply in answers if reply.part == part]
        for reply in some:
            other = some[rng.integers(len(some))]
            fits_many = len(other.reply.split()) < 5 or other.reply.startswith(_FITS_MANY)
            if other.prompt != reply.prompt and not fits_many:
                yield _spoilt(reply, other.reply, "another prompt's", 0.7)
        for name, broken in sorted(WAYS.items()):
            yield from _broken(some, broken, name, bigrams, rng)


def _broken(
    some: Sequence[Reply], way: Callable[..., str], name: str, bigrams: Bigrams, rng: np.random.Generator
) -> Iterator[Reply]:
    for number in rng.permutation(len(some))[: len(some) // 10].tolist():
        text = way(some[number].prompt, some[number].reply, bigrams, rng)
        if text:
            yield _spoilt(some[number], text, f"broken: {name}", 0.5)


def _spoilt(reply: Reply, text: str, source: str, weight: float) -> Reply:
    """Return an incoherent reply to the prompt of another one, in the same part."""
    return replace(reply, reply=text, label=INCOHERENT, source=source, weight=weight)
