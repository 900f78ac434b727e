"""Conversations of a record, held against the probe's items by the model's own chat template."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from auditor import commands, record
from auditor.forging import forge, write_lines
from auditor.reask import reask
from auditor.run import Settings
from auditor.scoring import scorers_of
from auditor.verify import AtHand, verify


@pytest.mark.parametrize("dated", [False, True])
def test_a_chat_prompt_with_all_that_follows_forged_is_found_by_the_chat_template(
    pack: Path, tiny_model: Path, tmp_path: Path, dated: bool
) -> None:
    model = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    if dated:
        kept = json.loads((model / "tokenizer_config.json").read_text())
        template = model / "chat_template.jinja"
        text = template.read_text() if template.is_file() else kept["chat_template"]
        template.write_text("{# strftime_now #}" + text)
    out = tmp_path / "out"
    settings = Settings(model=str(model), out=out, packs=(pack,), probes="toxicity/small_talk")
    commands.run(settings, commands.Demands())
    at_hand = AtHand(packs=(pack,))
    what = "toxicity/small_talk chat prompts"
    assert {one.what: one.outcome for one in reask(out, str(model), count=1, at_hand=at_hand)}[what] == "same"

    found, _ = record.load_record(out)
    file = out / found.probes[0].samples_file.path
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    for asked in rows[3]["questions"][0]["requests"]:
        asked["request"]["prompt"] = asked["request"]["prompt"].replace("number", "colour")
    write_lines(file, rows)
    scorer = scorers_of(found, "", offline=True, allow_pickle=False)["toxicity/small_talk"]
    assert not isinstance(scorer, str)
    forge(out, commands.Demands(), "toxicity/small_talk", scorer)
    assert verify(out, at_hand).first_difference is None
    told = {one.what: one for one in reask(out, str(model), count=1, at_hand=at_hand)}[what]
    assert told.outcome == ("not_checked" if dated else "differs") and "t3" in told.detail
