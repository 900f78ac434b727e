"""A card is found out when the model, the document, the card or the record is no longer what it was."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from auditor import policies, record, renderings, schema
from auditor.check_card import Asked, check_card
from auditor.commands import Demands, review
from auditor.errors import CardError
from auditor.types import Card, RunRecord, Status, Verification

DOCUMENTS = {"README.md": "markdown", "card.html": "html", "summary.md": "summary", "form.md": "mdf-authorities"}


@pytest.fixture(scope="module")
def card(finished: tuple[RunRecord, Path], tmp_path_factory: pytest.TempPathFactory) -> Card:
    declared = tmp_path_factory.mktemp("declared") / "provenance.toml"
    declared.write_text(PROVENANCE, encoding="utf-8")
    return review(finished[1], Demands(provenance=declared)).card


PROVENANCE = 'by = "us"\ndate = 2026-11-01\n[use]\nintended = "Tests of 12.5 parts."\n'


@pytest.fixture
def folder(card: Card, tmp_path: Path) -> Path:
    """A folder with card.json and documents that were made of it."""
    for name, rendering in {"card.json": "json", **DOCUMENTS}.items():
        (tmp_path / name).write_text(renderings.render(card, rendering), encoding="utf-8")
    (tmp_path / "provenance.toml").write_text(PROVENANCE, encoding="utf-8")
    return tmp_path


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path / tiny_model.name))


def checked(folder: Path, name: str = "card.json", **more: Any) -> Verification:
    return check_card(Asked(path=folder / name, **more))


def first(found: Verification) -> str:
    difference = found.first_difference
    return f"{difference.what}: {difference.detail}" if difference else ""


@pytest.mark.parametrize("name", ["card.json", *DOCUMENTS])
def test_a_card_and_its_documents_that_nobody_touched_are_the_same(
    folder: Path, model: Path, finished: tuple[RunRecord, Path], name: str
) -> None:
    found = checked(folder, name, model=str(model), record=finished[1], provenance=folder / "provenance.toml")
    assert (first(found), found.exit_code) == ("", 0)
    whats = [check.what for check in found.checks]
    assert {"weights: model.safetensors", "chat template, as loaded", "card.json from the record"} <= set(whats)


def edit_config(model: Path) -> None:
    path = model / "config.json"
    path.write_text(path.read_text(encoding="utf-8").replace("512", "513"), encoding="utf-8")


def edit_template(model: Path) -> None:
    path = model / "chat_template.jinja"
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")


def edit_weights(model: Path) -> None:
    path = model / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")


def add_adapter(model: Path) -> None:
    (model / "adapter_config.json").write_text("{}", encoding="utf-8")


def drop_defaults(model: Path) -> None:
    (model / "generation_config.json").unlink()


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (edit_config, "config: config.json: sha256"),
        (edit_template, "chat template: chat_template.jinja: sha256"),
        (edit_weights, "weights: model.safetensors: sha256"),
        (add_adapter, "adapter: adapter_config.json: the card does not know it"),
        (drop_defaults, "generation defaults: generation_config.json: the card describes it, and it is not there"),
    ],
)
def test_a_changed_part_of_the_model_is_named(
    folder: Path, model: Path, change: Callable[[Path], None], what: str
) -> None:
    change(model)
    found = checked(folder, model=str(model))
    assert first(found).startswith(what) and found.exit_code == 10


def test_another_chat_template_is_told_apart_from_another_tokenizer(folder: Path, model: Path) -> None:
    edit_template(model)
    found = {check.what: check.outcome for check in checked(folder, model=str(model)).checks}
    assert found["chat template, as loaded"] == "differs"
    assert found["tokenizer, as loaded"] == "not_checked"


@pytest.mark.parametrize("change", [edit_weights, drop_defaults])
def test_a_tokenizer_is_not_read_out_of_weights_or_defaults(
    folder: Path, model: Path, change: Callable[[Path], None]
) -> None:
    change(model)
    found = {check.what: check.outcome for check in checked(folder, model=str(model)).checks}
    assert found["tokenizer, as loaded"] == found["chat template, as loaded"] == "same"


def test_a_chat_template_that_moved_into_another_file_is_the_same_one(folder: Path, model: Path) -> None:
    path, config = model / "chat_template.jinja", model / "tokenizer_config.json"
    content = json.loads(config.read_text(encoding="utf-8"))
    text = path.read_text(encoding="utf-8")
    path.unlink()
    for template, outcome in [
        (text, "same"),
        (f"{text} ", "differs"),
        ([{"name": "a", "template": text}], "not_checked"),
    ]:
        config.write_text(json.dumps({**content, "chat_template": template}), encoding="utf-8")
        found = {check.what: check.outcome for check in checked(folder, model=str(model)).checks}
        assert found["chat template, as loaded"] == outcome


def test_a_card_that_lies_with_the_model_is_no_part_of_it(folder: Path, model: Path) -> None:
    for name in ("card.json", "README.md"):
        shutil.copy(folder / name, model / name)
    assert checked(model, "README.md", model=str(model)).exit_code == 0
    shutil.copy(folder / "card.json", model / "another.json")
    assert first(checked(model, model=str(model))).startswith("other: another.json: the card does not know it")


def test_a_model_that_is_not_there_is_not_checked(folder: Path, tmp_path: Path) -> None:
    found = checked(folder, model=str(tmp_path / "absent"))
    assert found.exit_code == 11 and "no model is named" in found.checks[-1].detail


@pytest.mark.parametrize("name", DOCUMENTS)
def test_an_edited_line_of_a_document_is_named(folder: Path, model: Path, name: str) -> None:
    path = folder / name
    lines = path.read_text(encoding="utf-8").split("\n")
    number = len(lines) // 2
    lines[number] += "0"
    path.write_text("\n".join(lines), encoding="utf-8")
    found = checked(folder, name, model=str(model))
    assert first(found).startswith(f"{name}: line {number + 1}: it says ") and found.exit_code == 10


def test_every_byte_of_a_document_counts(folder: Path, model: Path) -> None:
    path = folder / "summary.md"
    whole = path.read_bytes()
    for place in range(0, len(whole), max(1, len(whole) // 40)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert checked(folder, "summary.md", model=str(model)).exit_code == 10, place


def test_a_document_of_another_card_differs(folder: Path, card: Card, model: Path) -> None:
    text = (folder / "README.md").read_text(encoding="utf-8")
    digest = schema.digest_of(card)
    (folder / "README.md").write_text(text.replace(digest, "0" * 64), encoding="utf-8")
    assert "it says" in first(checked(folder, "README.md", model=str(model)))
    (folder / "README.md").write_text(text.replace("<!-- auditor: ", "<!-- "), encoding="utf-8")
    assert "does not say which rendering" in first(checked(folder, "README.md", model=str(model)))


@pytest.mark.parametrize(
    ("edit", "what"),
    [
        (lambda card: card["facts"]["use.intended"].update(value="All uses."), "facts"),
        (lambda card: card.update(weights_digest="0" * 64), "digest of the weights"),
        (lambda card: card["verdicts"][0].update(record_digest="0" * 64), "verdict of baseline"),
        (lambda card: card["verdicts"][0].update(status="PASS"), "status of baseline from its findings"),
    ],
)
def test_a_card_that_does_not_agree_with_itself_is_found(
    folder: Path, model: Path, edit: Callable[[dict[str, Any]], object], what: str
) -> None:
    content = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    edit(content)
    (folder / "card.json").write_text(json.dumps(content), encoding="utf-8")
    assert first(checked(folder, model=str(model))).startswith(f"{what}: ")


@pytest.mark.parametrize(
    ("edit", "what"),
    [
        (lambda card: card["probes"][0]["metrics"][0].update(value=0.123), "card.json from the record: line"),
        (lambda card: card["not_measured"].clear(), "card.json from the record: line"),
        (lambda card: card["verdicts"][0]["findings"][0].update(message="fine"), "verdict of baseline again: "),
    ],
)
def test_a_card_that_its_record_does_not_give_is_found(
    folder: Path, finished: tuple[RunRecord, Path], edit: Callable[[dict[str, Any]], object], what: str
) -> None:
    content = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    edit(content)
    (folder / "card.json").write_text(json.dumps(content), encoding="utf-8")
    found = checked(folder, record=finished[1], provenance=folder / "provenance.toml")
    assert first(found).startswith(what) and found.exit_code == 10


def test_a_verdict_that_is_left_out_or_of_a_day_before_the_run_is_found(
    card: Card, finished: tuple[RunRecord, Path], tmp_path: Path
) -> None:
    (verdict,) = card.verdicts
    run = replace(finished[0].run, policies={verdict.policy: verdict.policy_digest})
    shutil.copytree(finished[1], tmp_path / "run")
    record.save_record(tmp_path / "run", record.seal(replace(finished[0], run=run)))
    (tmp_path / "run" / "provenance.toml").write_text(PROVENANCE, encoding="utf-8")
    whole = review(tmp_path / "run", Demands()).card
    early = tuple(replace(one, as_of="2020-01-01") for one in whole.verdicts)
    for verdicts, what in [(whole.verdicts, ""), ((), f"policy {verdict.policy}, fixed before"), (early, "day of")]:
        text = renderings.render(replace(whole, verdicts=verdicts), "json")
        (tmp_path / "card.json").write_text(text, encoding="utf-8")
        found = checked(tmp_path, record=tmp_path / "run")
        assert first(found).startswith(what) and (found.exit_code == 10) is bool(what)


WAIVER = """[[waivers]]
id = "ID"
policy = "mine"
scope = "SCOPE"
reason = "It is being written."
compensating_measure = "The board answers."
approver = "A. Person"
expires = 2999-12-31
ticket = "GOV-1"
"""


def test_a_card_by_a_policy_and_waivers_of_ones_own_is_checked_with_them(
    folder: Path, finished: tuple[RunRecord, Path], tmp_path: Path
) -> None:
    mine, waivers = tmp_path / "mine.toml", tmp_path / "waivers.toml"
    shutil.copy(policies.find()["baseline"], mine)
    asked = {"provenance": folder / "provenance.toml"}
    (verdict,) = review(finished[1], Demands(policies=(str(mine),), **asked)).card.verdicts
    failed = next(one.id for one in verdict.findings if one.kind == "duty" and one.status is Status.FAIL)
    text = WAIVER.replace("ID", failed, 1).replace("SCOPE", finished[0].model.weights_digest)
    waivers.write_text(text, encoding="utf-8")
    card = review(finished[1], Demands(policies=(str(mine),), waivers=waivers, **asked)).card
    (folder / "card.json").write_text(renderings.render(card, "json"), encoding="utf-8")
    asked["record"] = finished[1]
    whole = checked(folder, policy=str(mine), waivers=waivers, **asked)
    assert (first(whole), whole.exit_code) == ("", 0)
    assert first(checked(folder, policy=str(mine), **asked)).startswith("verdict of mine again: ")
    assert checked(folder, waivers=waivers, **asked).checks[-1].outcome == "not_checked"
    mine.write_text(mine.read_text(encoding="utf-8").replace("0.05", "0.06"), encoding="utf-8")
    assert checked(folder, policy=str(mine), waivers=waivers, **asked).checks[-1].outcome == "not_checked"


def test_a_verdict_whose_policy_is_not_at_hand_is_not_checked(folder: Path, finished: tuple[RunRecord, Path]) -> None:
    content = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    content["verdicts"][0]["policy_digest"] = "0" * 64
    (folder / "card.json").write_text(json.dumps(content), encoding="utf-8")
    found = checked(folder, record=finished[1], provenance=folder / "provenance.toml")
    assert found.exit_code == 11 and "not at hand" in found.checks[-1].detail


def test_texts_of_samples_are_checked_against_the_record(
    folder: Path, card: Card, finished: tuple[RunRecord, Path]
) -> None:
    texts = renderings.read_texts(card, finished[1], 2)
    path = folder / "README.md"
    path.write_text(renderings.render(card, "markdown", texts=texts), encoding="utf-8")
    asked = {"record": finished[1], "provenance": folder / "provenance.toml"}
    assert checked(folder, "README.md", **asked).exit_code == 0
    alone = checked(folder, "README.md", model="absent").checks
    assert next(check for check in alone if check.what == "README.md").outcome == "not_checked"
    told = next(iter(texts.values()))[0].sample
    path.write_text(path.read_text(encoding="utf-8").replace(told, "another", 1), encoding="utf-8")
    assert first(checked(folder, "README.md", **asked)).startswith("README.md: line")


def test_a_document_by_a_users_template_is_checked_with_it(folder: Path, card: Card, model: Path) -> None:
    template, path = folder / "mine.md.j2", folder / "mine.md"
    template.write_text("{{ name }}: {{ card.probes | length }} probes\n", encoding="utf-8")
    path.write_text(renderings.render(card, "markdown", template=template), encoding="utf-8")
    assert checked(folder, "mine.md", model=str(model), template=template).exit_code == 0
    path.write_text("five probes\n", encoding="utf-8")
    assert first(checked(folder, "mine.md", model=str(model), template=template)).startswith("mine.md: line 1")


def test_the_command_prints_a_table_or_json_and_needs_something_to_check_against(
    folder: Path, model: Path, auditor_cli: Callable[..., Any]
) -> None:
    done = auditor_cli("check-card", folder / "card.json", "--model", model)
    assert (done.returncode, done.stdout.splitlines()[-1].endswith("checks came out the same")) == (0, True), (
        done.stderr
    )
    edit_config(model)
    done = auditor_cli("check-card", folder / "README.md", "--model", model, "--json")
    assert done.returncode == 10
    assert {"what": "config: config.json", "outcome": "differs"}.items() <= json.loads(done.stdout)["checks"][6].items()
    done = auditor_cli("check-card", folder / "card.json")
    assert done.returncode == 2 and "nothing to check the card against" in done.stderr


def test_what_is_not_there_is_one_error(folder: Path) -> None:
    with pytest.raises(CardError, match="no such file"):
        checked(folder, "absent.md", model="x")
    (folder / "card.json").unlink()
    with pytest.raises(CardError, match=r"cannot read .*card\.json"):
        checked(folder, "README.md", model="x")


def test_a_record_that_was_changed_is_refused(folder: Path, finished: tuple[RunRecord, Path], tmp_path: Path) -> None:
    copy = Path(shutil.copytree(finished[1], tmp_path / "copy"))
    text = (copy / record.RECORD).read_text(encoding="utf-8")
    (copy / record.RECORD).write_text(text.replace('"n_unscored": 0', '"n_unscored": 1', 1), encoding="utf-8")
    from auditor.errors import RecordError

    with pytest.raises(RecordError, match="was changed"):
        checked(folder, record=copy)


def test_constants_that_changed_since_are_not_checked_and_all_else_still_is(
    folder: Path, finished: tuple[RunRecord, Path]
) -> None:
    content = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    content["computed"]["constants"]["mof"] = "0" * 64
    content["computed"]["mof"] = {"class": 3}
    (folder / "card.json").write_text(json.dumps(content), encoding="utf-8")
    asked = {"record": finished[1], "provenance": folder / "provenance.toml"}
    found = checked(folder, **asked)
    assert found.exit_code == 11, found.summary
    (one,) = [check for check in found.checks if check.outcome == "not_checked"]
    assert one.what == "constants mof" and "changed since" in one.detail
    content["computed"]["ages"]["record"] = 7
    (folder / "card.json").write_text(json.dumps(content), encoding="utf-8")
    assert first(checked(folder, **asked)).startswith("card.json from the record")
