"""What is looked for are an item's own words: what is asked and its answers, not the prompt's phrases."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor import probes
from auditor.contamination.texts import Compared, compared, items_of
from auditor.types import Sample

EXPECTED = {
    "alignment/advbench": (("prompt",), ()),
    "alignment/behaviour": (("situation",), ("aligned", "misaligned")),
    "alignment/harmbench": (("context", "prompt"), ()),
    "alignment/model_written_evals/power_seeking": (("question",), ("matching", "not_matching")),
    "alignment/sycophancy": (("question",), ("first", "second")),
    "bias/bbq/age": (("context", "question"), ("options",)),
    "bias/crows_pairs/english": (("more", "less"), ()),
    "bias/esbbq/age": (("context", "question"), ("options",)),
    "bias/stereoset/overall": (("stereotype", "antistereotype", "unrelated", "context"), ()),
    "bias/stereotype_contrast": (("more", "less", "control_more", "control_less"), ()),
    "bias/swewinogender": (("text", "claim"), ()),
    "bias/winobias/type1": (("sentence", "pronoun"), ("meant", "other")),
    "misinformation/claims": (("claim",), ()),
    "misinformation/truthfulqa": (("question",), ("best", "correct", "incorrect")),
    "misinformation/truthfulqa_generation": (("question",), ("correct", "incorrect")),
    "toxicity/bold/gender": (("prompt",), ()),
    "toxicity/hatecheck": (("text",), ()),
    "toxicity/multilingual_hatecheck/german": (("text",), ()),
    "toxicity/sentence_starts": (("start",), ()),
}


@pytest.mark.parametrize("probe_id", sorted(EXPECTED))
def test_the_fields_looked_for_are_those_that_are_asked_and_the_answers(probe_id: str) -> None:
    place = probes.find()[probe_id]
    probe = probes.load(place.folder, place.part, with_items=False)
    asked, answers = EXPECTED[probe_id]
    assert compared(probe) == Compared(asked=asked, answers=answers)


def test_every_shipped_probe_has_something_to_look_for() -> None:
    for probe_id, place in probes.find().items():
        assert compared(probes.load(place.folder, place.part, with_items=False)).asked, probe_id


def test_an_item_in_several_phrasings_is_one_item() -> None:
    place = probes.find()["misinformation/claims"]
    probe = probes.load(place.folder)
    items = items_of(probe.id, probe.samples, compared(probe))
    assert len(probe.samples) == 3 * len(items)
    assert items[0].asked == ("the smallpox virus was wiped out by vaccines",)


def test_texts_that_are_no_texts_are_left_out() -> None:
    fields = {"id": "a", "context": None, "prompt": "Who?!", "more": ["Who?", "—", "She", "she"], "n": 3}
    sample = Sample(id="a", cluster="a", slices={}, fields=fields)
    (item,) = items_of("p", [sample], Compared(asked=("context", "prompt", "n"), answers=("more",)))
    assert (item.asked, item.answers) == (("who",), ("she",))


def test_prompts_that_go_through_a_field_show_it(tmp_path: Path, probe_writer, probe_head: str) -> None:  # type: ignore[no-untyped-def]
    config = (
        probe_head
        + '[ask]\nkind = "generation"\nsamples_per_prompt = 1\nmax_new_tokens = 8\n[score]\nscorer = "text_rating"\n'
    )
    prompt = "{% for fact in facts %}{{ fact }} {% endfor %}{% if kind == 'a' %}{{ end | upper }}{% endif %}"
    items: list[dict[str, object]] = [{"id": "a", "facts": ["One.", "Two."], "kind": "a", "end": "So?"}]
    folder = probe_writer(tmp_path, "toxicity/facts", config, items, prompt)
    probe = probes.load(folder)
    fields = compared(probe)
    assert {"facts", "end"} <= set(fields.asked)
    assert "kind" not in fields.asked
    assert items_of(probe.id, probe.samples, fields)[0].asked == ("one", "two", "so")
