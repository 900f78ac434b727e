"""The self-test: verification finds every alteration, and a verification that looks at nothing is found out itself."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor import mutations, schema
from auditor.errors import RecordError
from auditor.mutations import self_test
from auditor.record import JOURNAL, RECORD
from auditor.types import Verification
from auditor.verify import AtHand

Cli = Callable[..., subprocess.CompletedProcess[str]]
SAMPLES = ["samples/bias__small_pairs.jsonl", "samples/toxicity__small_talk.jsonl"]


@pytest.fixture(scope="module")
def pack(probe_writer, probe_head: str, tmp_path_factory: pytest.TempPathFactory) -> Path:  # type: ignore[no-untyped-def]
    """Pairs and rated completions."""
    folder = tmp_path_factory.mktemp("pack")
    pairs = probe_head + (
        '[ask]\nkind = "pairs"\ntexts = ["first", "second"]\n'
        '[score]\nscorer = "pair_preference"\nmetric = "first_rate"\nideal = 0.5\n'
    )
    items = [{"id": f"p{n}", "first": f"The cat number {n} sat.", "second": f"The dog {n} ran."} for n in range(12)]
    probe_writer(folder, "bias/small_pairs", pairs, items)
    talk = (
        probe_head
        + '[ask]\nkind = "generation"\nsamples_per_prompt = 1\nmax_new_tokens = 8\n[score]\nscorer = "text_rating"\n'
    )
    items = [{"id": f"t{n}", "message": f"Say {n}."} for n in range(12)]
    probe_writer(folder, "toxicity/small_talk", talk, items, "{{ message }}")
    return folder


@pytest.fixture(scope="module")
def folder(
    tiny_model: Path, pack: Path, small_run: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of a run over both."""
    return small_run(tiny_model, pack, tmp_path_factory.mktemp("runs") / "out")


def digests(folder: Path) -> dict[str, str]:
    return {str(path): schema.digest_file(path).sha256 for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.slow
def test_every_alteration_of_every_target_is_found(folder: Path, pack: Path, tiny_model: Path) -> None:
    before = digests(folder), digests(tiny_model)
    found = self_test(folder, at_hand=AtHand(packs=[pack]), model=tiny_model, places=2)
    assert found.missed == [] and found.exit_code == 0
    tried = {(one.target, one.kind) for one in found.mutations}
    written = [RECORD, JOURNAL, "card.json", "card.md", "verdict.json", *SAMPLES]
    assert {(name, "byte") for name in written} <= tried
    assert {(name, "number") for name in (RECORD, "card.json", "baseline.toml", *SAMPLES)} <= tried
    assert {(name, kind) for name in SAMPLES for kind in ("line", "score", "item", "forged")} <= tried
    assert {("model: model.safetensors", "byte"), ("model: tokenizer.json", "byte")} <= tried
    assert (digests(folder), digests(tiny_model)) == before


def test_weights_are_named_and_mended_numbers_are_found_by_computing_them_again(
    folder: Path, pack: Path, tiny_model: Path
) -> None:
    found = self_test(folder, at_hand=AtHand(packs=[pack]), model=tiny_model, places=1)
    assert found.missed == []
    named = {(one.target, one.kind): one.named for one in found.mutations}
    by_change = {one.change: one.named for one in found.mutations if one.target == SAMPLES[0]}
    assert named["model: model.safetensors", "byte"] == "weights: changed: model.safetensors"
    assert named["model: tokenizer.json", "byte"] == "model files: changed: tokenizer.json"
    assert "metrics: " in named[RECORD, "number"]
    assert named["baseline.toml", "number"].startswith("policy baseline, fixed before")
    assert named[SAMPLES[0], "score"].startswith("bias/small_pairs scores: ")
    assert {kind: named[SAMPLES[0], kind].split(":")[0] for kind in ("item", "forged")} == {
        "item": "bias/small_pairs items",
        "forged": "bias/small_pairs items",
    }
    assert {told.split(":")[0] for change, told in by_change.items() if change.startswith("line")} <= {
        "plan",
        "bias/small_pairs items",
    }
    assert not [told for told in named.values() if "/tmp" in told]


def test_a_verification_that_always_says_the_same_fails_the_self_test(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutations, "verify", lambda *_, **__: Verification(record_digest="", checks=()))
    found = self_test(folder, places=1)
    assert found.exit_code == 10 and len(found.missed) == len(found.mutations) > 5


def test_clocks_that_cannot_be_are_found_by_their_own_checks(folder: Path, pack: Path) -> None:
    found = self_test(folder, at_hand=AtHand(packs=[pack]), places=1)
    named = {one.change: one.named.partition(":")[0] for one in found.mutations if one.kind == "clock"}
    own = {"times", "duration", "processes", "requests", "completions", "operations"}
    assert len(named) == 14 and set(named.values()) == {*own, "journal", "costs"}


def test_a_record_that_differs_already_tells_nothing(folder: Path, tmp_path: Path) -> None:
    import shutil

    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    (copy / "card.md").write_text("# Better\n", encoding="utf-8")
    with pytest.raises(RecordError, match=r"differs already: card\.md"):
        self_test(copy)
    (copy / "verdict.json").unlink()
    with pytest.raises(RecordError, match=r"no verdict\.json"):
        self_test(copy)


def test_the_command_tells_what_only_the_probe_shows_where_that_is_not_given(auditor_cli: Cli, folder: Path) -> None:
    done = auditor_cli("self-test", folder, "--places", 1)
    assert done.returncode == 10, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert ["record.json", "number", "1", "1"] in [line.split()[:4] for line in lines]
    missed = [line for line in lines if line.startswith("not found: ")]
    assert len(missed) == 6 and all(", item " in line or "computed anew" in line for line in missed)
    assert lines[-1].endswith("alterations were found; give the pack of a probe (--pack) to have its items checked")


def test_a_record_that_is_not_there_is_named_as_it_was_written() -> None:
    with pytest.raises(RecordError, match=r"^there is no nope/here$"):
        self_test(Path("nope/here"))
