"""Benchmarks from the Hub: real repositories in the layout of its local cache, read offline, and everything refused."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_hub import COMMIT, SmallHub

from auditor import probes, schema
from auditor.backends.scripted import ScriptedBackend
from auditor.errors import DataError, OfflineError, PackError, UsageError
from auditor.hubdata import HubAccess, HubPlace, read_hub, read_places
from auditor.run import Settings, measure
from auditor.types import HUB

Cli = Callable[..., subprocess.CompletedProcess[str]]
ROWS = [
    {"sent": f"The cat {n} sat.", "other": f"The dog {n} sat.", "kind": None if n == 3 else "ab"[n % 2], "number": n}
    for n in range(12)
]
CONFIG = """[ask]
kind = "pairs"
texts = ["first", "second"]
[score]
scorer = "pair_preference"
metric = "rate"
ideal = 0.5
slice_by = ["kind"]
[data]
origin = "huggingface.co/datasets/org/pairs"
format = "{format}"
hub = "org/pairs"
revision = "{revision}"
split = "test"
{more}
[data.fields]
first = "sent"
second = "other"
kind = {{ column = "kind", default = "none" }}
number = {{ column = "number", text = true }}
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def repository(cache: Path, files: dict[str, str | bytes]) -> Path:
    """Write the snapshot of `org/pairs` at the commit, as the Hub's client leaves it."""
    folder = cache / "datasets--org--pairs" / "snapshots" / COMMIT
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def as_jsonl(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def as_csv(rows: list[dict[str, Any]]) -> str:
    lines = [",".join("" if value is None else str(value) for value in row.values()) for row in rows]
    return "\n".join([",".join(rows[0]), *lines]) + "\n"


def as_parquet(rows: list[dict[str, Any]], path: Path) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(rows), path)
    return path.read_bytes()


def rows_of(split: str = "test", *, as_text: bool = False, config: str = "") -> list[dict[str, Any]]:
    place = HubPlace(hub="org/pairs", revision=COMMIT, split=split, config=config)
    return [row.values for row in read_hub(place, offline=True, as_text=as_text)[0]]


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
def test_the_rows_of_each_kind_of_file_are_what_was_written(cache: Path, tmp_path: Path, kind: str) -> None:
    rows = ROWS if kind != "csv" else [row for row in ROWS if row["kind"]]
    content = {
        "parquet": lambda: as_parquet(rows, tmp_path / "x.parquet"),
        "csv": lambda: as_csv(rows),
        "jsonl": lambda: as_jsonl(rows),
    }[kind]()
    repository(cache, {f"data/test.{kind}": content, f"data/train.{kind}": content})
    assert rows_of() == rows
    texts = [{name: "" if value is None else str(value) for name, value in row.items()} for row in rows]
    assert rows_of(as_text=True) == texts


def test_the_digest_is_over_canonical_rows_whatever_the_file(cache: Path, tmp_path: Path) -> None:
    place = HubPlace(hub="org/pairs", revision=COMMIT, split="test")
    lines = "".join(schema.canonical_json(row) + "\n" for row in ROWS).encode()
    folder = repository(cache, {"test.jsonl": as_jsonl(ROWS)})
    rows, digest = read_hub(place, offline=True, as_text=False)
    assert (digest.path, digest.bytes) == (f"{HUB}org/pairs@{COMMIT}/default/test", len(lines))
    assert digest.sha256 == hashlib.sha256(lines).hexdigest()
    assert [(row.number, row.place) for row in rows[:2]] == [(1, "row 1"), (2, "row 2")]
    (folder / "test.jsonl").unlink()
    repository(cache, {"test.parquet": as_parquet(ROWS, tmp_path / "x.parquet")})
    assert read_hub(place, offline=True, as_text=False)[1] == digest


def test_a_configuration_is_chosen_by_the_repositorys_card(cache: Path) -> None:
    card = (
        "---\nconfigs:\n- config_name: one\n  data_files: one.jsonl\n- config_name: two\n  data_files: two.jsonl\n---\n"
    )
    repository(cache, {"README.md": card, "one.jsonl": as_jsonl(ROWS[:3]), "two.jsonl": as_jsonl(ROWS[3:])})
    assert rows_of("train", config="two") == ROWS[3:]
    with pytest.raises(DataError, match="cannot read hub:org/pairs"):
        rows_of("train", config="three")


def test_cells_of_a_csv_file_stay_what_they_are(cache: Path) -> None:
    card = "---\nconfigs:\n- config_name: own\n  data_files:\n  - {split: test, path: cells.csv}\n---\n"
    repository(cache, {"cells.csv": 'a,b,c\n1,NA,"x, y"\n,None,\n3,null,z\n', "README.md": card})
    expected = [{"a": "1", "b": "NA", "c": "x, y"}, {"a": "", "b": "None", "c": ""}, {"a": "3", "b": "null", "c": "z"}]
    assert rows_of(as_text=True) == rows_of(as_text=True, config="own") == expected


def test_a_dataset_that_is_not_in_the_cache_is_one_clear_error(cache: Path) -> None:
    with pytest.raises(OfflineError, match=f"org/pairs@{COMMIT} is not in the local cache") as caught:
        rows_of()
    assert caught.value.exit_code == 1 and "--data-dir" in caught.value.hint
    place = HubPlace(hub="org/pairs", revision=COMMIT, split="test")
    with pytest.raises(DataError, match="cannot get the dataset org/pairs@"):  # the tests' own environment is offline
        read_hub(place, offline=False, as_text=False)


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"pairs.py": "print('run')", "test.jsonl": as_jsonl(ROWS)}, "loading script, pairs.py"),
        ({"README.md": "---\nconfigs:\n- config_name: a\n  data_files: https://evil.example/x.csv\n---\n"}, "evil"),
        ({"README.md": "---\nconfigs:\n- config_name: a\n  data_files: ../../x.jsonl\n---\n"}, "not in the repository"),
        ({".huggingface.yaml": "configs:\n- config_name: a\n  data_files: [/etc/passwd]\n"}, "/etc/passwd"),
        ({"README.md": "---\nconfigs: [\n---\n", "test.jsonl": as_jsonl(ROWS)}, "cannot read"),
        ({"test.txt": "a line\n"}, "is read as text, not as a table"),
        ({"test.jsonl": '{"a": 1}\nnot json\n'}, "cannot read"),
        ({"train.jsonl": as_jsonl(ROWS)}, "test"),
        ({"LICENSE": "MIT"}, "cannot read"),
    ],
)
def test_code_and_files_from_elsewhere_and_damage_are_refused(
    cache: Path, files: dict[str, str | bytes], told: str
) -> None:
    repository(cache, files)
    with pytest.raises(DataError) as caught:
        rows_of()
    assert told in caught.value.message and caught.value.hint


def test_a_value_that_is_no_json_names_its_row(cache: Path, tmp_path: Path) -> None:
    rows = [{"a": 0.5}, {"a": float("nan")}]
    repository(cache, {"test.parquet": as_parquet(rows, tmp_path / "x.parquet")})
    with pytest.raises(DataError, match="row 2: not JSON"):
        rows_of()


@pytest.fixture
def benchmark(tmp_path: Path, probe_writer, probe_head: str) -> Callable[..., Path]:  # type: ignore[no-untyped-def]
    """Return a function that writes a pack whose probe `bias/hub_pairs` reads its rows from the Hub."""

    def write(*, more: str = "", revision: str = COMMIT, format: str = "jsonl", head: str = probe_head) -> Path:
        config = head + CONFIG.format(more=more, revision=revision, format=format)
        (probe_writer(tmp_path / "pack", "bias/hub_pairs", config, []) / "items.jsonl").unlink()
        return tmp_path / "pack"

    return write


def load(pack: Path, **how: Any) -> probes.Probe:
    return probes.load(pack / "bias" / "hub_pairs", hub=HubAccess(offline=True), **how)


def test_a_probe_reads_its_items_from_the_hub_and_marks_them_unpinned(cache: Path, benchmark: Any) -> None:
    repository(cache, {"test.jsonl": as_jsonl(ROWS)})
    probe = load(benchmark())
    assert [sample.fields["first"] for sample in probe.samples] == [row["sent"] for row in ROWS]
    assert [sample.slices["kind"] for sample in probe.samples][2:4] == ["a", "none"]
    assert not probe.pinned and [file.path for file in probe.files] == [f"{HUB}org/pairs@{COMMIT}/default/test"]
    pinned = load(benchmark(more=f'rows_sha256 = "{probe.files[0].sha256}"'))
    assert pinned.pinned and pinned.files == probe.files


def test_a_probe_for_csv_columns_gets_texts(cache: Path, benchmark: Any) -> None:
    repository(cache, {"test.jsonl": as_jsonl(ROWS)})
    probe = load(benchmark(format="csv"))
    assert [sample.fields["number"] for sample in probe.samples[:2]] == ["0", "1"]
    assert probe.samples[3].slices["kind"] == "none"


def test_rows_of_another_version_are_refused(cache: Path, benchmark: Any) -> None:
    repository(cache, {"test.jsonl": as_jsonl(ROWS)})
    with pytest.raises(DataError, match=f"is another version than probe bias/hub_pairs .* sha256 {'a' * 64}, got"):
        load(benchmark(more=f'rows_sha256 = "{"a" * 64}"'))


def test_columns_and_rows_that_are_no_items_are_named(cache: Path, benchmark: Any) -> None:
    repository(cache, {"test.jsonl": as_jsonl([{"sent": "x", "other": "y", "kin": "a", "number": 1}])})
    with pytest.raises(DataError, match=r"row 1: no column 'kind' \(did you mean kin"):
        load(benchmark())
    repository(cache, {"test.jsonl": as_jsonl([ROWS[0], {**ROWS[1], "sent": ""}])})
    with pytest.raises(DataError, match=r"row 2: \$.first: expected a non-empty text"):
        load(benchmark())


def test_nothing_is_read_from_the_hub_unless_it_is_allowed(benchmark: Any) -> None:
    pack = benchmark()
    with pytest.raises(UsageError, match="from the Hub") as caught:
        probes.load(pack / "bias" / "hub_pairs")
    assert "--data-hub" in caught.value.hint
    assert "bias/hub_pairs" not in probes.select("bias", (pack,))
    assert "bias/hub_pairs" in probes.select("bias", (pack,), hub=True)
    assert "bias/crows_pairs/english" not in probes.select("bias", (pack,), hub=True)
    assert probes.select("bias/hub_pairs", (pack,)) == ["bias/hub_pairs"]


def test_a_place_on_the_hub_needs_a_whole_commit_and_a_split(benchmark: Any) -> None:
    with pytest.raises(PackError, match=r"\$.data.revision"):
        load(benchmark(revision="main"))
    pack = benchmark()
    path = pack / "bias" / "hub_pairs" / "probe.toml"
    path.write_text(path.read_text(encoding="utf-8").replace('split = "test"\n', ""), encoding="utf-8")
    with pytest.raises(PackError, match=r"\$.data.split: is needed with hub"):
        load(pack)


def test_files_are_read_where_the_hub_is_not_named(cache: Path, benchmark: Any, tmp_path: Path) -> None:
    content = as_jsonl(ROWS[:5])
    sha256 = hashlib.sha256(content.encode()).hexdigest()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "pairs.jsonl").write_text(content, encoding="utf-8")
    pack = benchmark(more=f'files = [{{ path = "pairs.jsonl", sha256 = "{sha256}" }}]')
    probe = probes.load(pack / "bias" / "hub_pairs", data_dir=tmp_path / "data")
    assert (len(probe.samples), probe.pinned) == (5, True)
    repository(cache, {"test.jsonl": as_jsonl(ROWS)})
    assert len(load(pack, data_dir=tmp_path / "data").samples) == 12


def test_hatechecks_place_on_the_hub_gives_the_same_items_from_the_same_cells(cache: Path, data_dir: Path) -> None:
    """The repository is not at hand; its one file has the columns of the published one, which stands in for it."""
    folder = probes.shipped() / "toxicity" / "hatecheck"
    own = probes.load(folder, data_dir=data_dir)
    assert own.data is not None and own.data.place is not None
    snapshot = cache / f"datasets--{own.data.hub.replace('/', '--')}" / "snapshots" / own.data.revision
    snapshot.mkdir(parents=True)
    (snapshot / "test.csv").write_bytes((data_dir / "hatecheck" / "test_suite_cases.csv").read_bytes())
    found = probes.load(folder, hub=HubAccess(offline=True))
    assert (found.samples, found.digest) == (own.samples, own.digest)
    assert (found.pinned, own.pinned) == (False, True)


def test_a_place_of_the_user_is_read_in_place_of_the_probe_s(cache: Path, data_dir: Path) -> None:
    folder = probes.shipped() / "toxicity" / "multilingual_hatecheck"
    own = probes.load(folder, "french", data_dir=data_dir)
    snapshot = cache / "datasets--me--french" / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    content = (data_dir / "multilingual_hatecheck" / "hatecheck_cases_final_french.csv").read_bytes()
    (snapshot / "test.csv").write_bytes(content)
    places = read_places([f"toxicity/multilingual_hatecheck/french=me/french@{COMMIT}/default/test"])
    found = probes.load(folder, "french", hub=HubAccess(offline=True, places=places))
    assert (found.samples, found.digest) == (own.samples, own.digest)
    assert (found.pinned, own.pinned) == (False, True)
    assert found.files[0].path == f"{HUB}me/french@{COMMIT}/default/test"


@pytest.mark.parametrize(
    "word",
    [
        "bias/x",
        f"bias/x=org/name@{COMMIT}",
        f"bias/x=org/name@{COMMIT}/test",
        "bias/x=org/name@main/default/test",
        f"bias/x=../name@{COMMIT}/default/test/more",
        f"=org/name@{COMMIT}/default/test",
    ],
)
def test_what_is_no_place_is_a_usage_error(word: str) -> None:
    with pytest.raises(UsageError, match="is no place on the Hub"):
        read_places([word])


def test_a_place_needs_the_permission_and_a_probe_that_is_asked(auditor_cli: Cli, tmp_path: Path) -> None:
    place = f"toxicity/hatecheck=org/name@{COMMIT}/default/test"
    words = ["run", "--model", tmp_path, "--out", tmp_path / "out", "--hub-place", place, "--probes"]
    for more, said in (
        (["toxicity/hatecheck"], "--hub-place needs --data-hub"),
        (["bias/stereotype_contrast", "--data-hub"], "names toxicity/hatecheck, which is not asked"),
        (["toxicity/hatecheck", "--data-hub", "--hub-place", place], "names a probe a second time"),
    ):
        done = auditor_cli(*words, *more)
        assert done.returncode == 2 and said in done.stderr


def test_a_record_and_its_card_say_where_the_rows_came_from(
    cache: Path,
    benchmark: Any,
    tiny_model: Path,
    tmp_path: Path,
    unheard: Any,
) -> None:
    from auditor import commands

    repository(cache, {"test.jsonl": as_jsonl(ROWS)})
    out = tmp_path / "out"
    settings = Settings(
        model=str(tiny_model), out=out, packs=(benchmark(),), probes="bias/hub_pairs", data_hub=True, offline=True
    )
    found = measure(
        settings, unheard, open_backend=lambda *_: ScriptedBackend(nats=lambda r: -float(len(r.continuation)))
    )
    (probe,) = found.probes
    assert (probe.data_pinned, probe.n_selected) == (False, 12)
    assert probe.data_files[0].path == f"{HUB}org/pairs@{COMMIT}/default/test"
    text = commands.card_markdown(commands.review(out, commands.Demands()))
    command = text.split("```")[1]
    assert "--data-hub" in command and "--data-dir" not in command
    assert f"--hub-place bias/hub_pairs=org/pairs@{COMMIT}/default/test" in " ".join(command.split())
    assert "The version of the data was not checked" in text


def test_an_offline_run_without_the_dataset_ends_with_one_error_and_a_hint(
    auditor_process: Cli, benchmark: Any, tiny_model: Path, tmp_path: Path
) -> None:
    words = ["run", "--model", tiny_model, "--out", tmp_path / "out", "--pack", benchmark(), "--offline"]
    done = auditor_process(*words, "--probes", "bias/hub_pairs", "--data-hub", HF_HOME=str(tmp_path / "empty"))
    assert done.returncode == 1 and done.stdout == "" and "Traceback" not in done.stderr
    assert "is not in the local cache, and nothing may be downloaded here" in done.stderr
    assert "hint: " in done.stderr and not (tmp_path / "out").exists()


def asked_of(small: SmallHub, *, hub: str = "org/pairs", offline: bool = False) -> str:
    """Return how many rows there are, or the error's class and message, in a process whose Hub is the small one."""
    return small.run(
        "from auditor.errors import AuditorError\nfrom auditor.hubdata import HubPlace, read_hub\n"
        f"place = HubPlace(hub={hub!r}, revision={COMMIT!r}, split='test')\n"
        f"try: print(len(read_hub(place, offline={offline}, as_text=False)[0]))\n"
        "except AuditorError as fault: print(type(fault).__name__, fault.message)"
    )


def test_a_dataset_is_fetched_once_and_then_read_offline(tmp_path: Path) -> None:
    files = {"test.jsonl": as_jsonl(ROWS).encode(), "README.md": b"# Pairs\n", "weights.bin": b"not asked for"}
    closed = "datasets/org/closed"
    small = SmallHub(tmp_path, {"datasets/org/pairs": files, closed: files}, gated=(closed,))
    assert asked_of(small) == "12"
    assert sorted(small.downloaded) == ["README.md", "test.jsonl"]
    assert asked_of(small, hub="org/closed").startswith("DataError cannot get the dataset org/closed@")
    small.stop()
    assert asked_of(small, offline=True) == "12"
