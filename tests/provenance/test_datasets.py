"""Datasets that a person points to: read once, kept with the record, held against what was declared."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from auditor import schema
from auditor.errors import ProvenanceError
from auditor.provenance import datasets
from auditor.provenance.agree import contradictions
from auditor.provenance.declare import kept_beside, load_declared
from auditor.types import Fact, Json

HEAD = 'by = "Example Ltd"\ndate = 2025-06-30\n'


@pytest.fixture
def base(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "more").mkdir(parents=True)
    (folder / "a.jsonl").write_text('{"x": 1}\n{"x": 2}')
    (folder / "more" / "b.bin").write_bytes(b"12345")
    (folder / "link.jsonl").symlink_to("/etc/hostname")
    return tmp_path


def declared(base: Path, entry: str) -> Fact:
    path = base / "provenance.toml"
    path.write_text(HEAD + f"[training]\ndatasets = [{entry}]\n", encoding="utf-8")
    return load_declared(path)["training.datasets"]


def croissant(**changes: Json) -> dict[str, Json]:
    """Return a sound Croissant document as mlcroissant writes it, with its context inside."""
    import mlcroissant as mlc

    file = mlc.FileObject(
        id="a.jsonl", name="a.jsonl", content_url="a.jsonl", encoding_formats=["application/jsonlines"], sha256="a" * 64
    )
    metadata = mlc.Metadata(
        name="tiny",
        description="For tests.",
        license="https://spdx.org/licenses/CC-BY-4.0",
        url="https://example.org/tiny",
        version="1.0.0",
        creators=[mlc.Organization(name="Example Ltd")],
        distribution=[file],
    )
    content: dict[str, Json] = json.loads(json.dumps(metadata.to_json(), default=str))
    return content | changes


def test_a_folder_is_hashed_and_counted_and_links_out_of_it_are_not_followed(base: Path) -> None:
    read = declared(base, '{ name = "d", folder = "data" }').value[0]["read"]
    digests = [
        ["a.jsonl", hashlib.sha256(b'{"x": 1}\n{"x": 2}').hexdigest()],
        ["more/b.bin", hashlib.sha256(b"12345").hexdigest()],
    ]
    assert read == {
        "kind": "folder",
        "path": "data",
        "sha256": schema.digest_of(digests),
        "files": 2,
        "bytes": 22,
        "lines": 2,
        "file_sha256": schema.digest_of([digests[0][1]]),
        "other_files": 1,
    }


def test_a_digest_that_was_declared_is_held_against_the_folder(base: Path) -> None:
    fact = declared(base, f'{{ name = "d", folder = "data", sha256 = "{"0" * 64}" }}')
    assert "declared sha256" in contradictions({"training.datasets": fact}, {}, {})["training.datasets"]
    right = fact.value[0]["read"]["sha256"]
    fact = declared(base, f'{{ name = "d", folder = "data", sha256 = "{right}" }}')
    assert contradictions({"training.datasets": fact}, {}, {}) == {}


def test_a_dataset_card_gives_licence_and_languages(base: Path) -> None:
    (base / "README.md").write_text("---\nlicense: odc-by\nlanguage: [en]\npretty_name: Tiny\n---\n# x\n")
    fact = declared(base, '{ name = "d", card = "README.md", license = "mit" }')
    read = fact.value[0]["read"]
    assert (read["license"], read["languages"], read["title"]) == ("odc-by", ["en"], "Tiny")
    assert fact.evidence[1].sha256 == hashlib.sha256((base / "README.md").read_bytes()).hexdigest()
    assert "declared license 'mit'" in contradictions({"training.datasets": fact}, {}, {})["training.datasets"]


@pytest.mark.parametrize(
    ("said", "fits"),
    [
        ('license = "gfdl"', True),
        ('license = "CC-BY-SA-3.0"', True),
        ('license = "CC-BY-SA-3.0 AND MIT"', False),
        ('license = "mit"', False),
        ('languages = ["no", "sv"]', True),
        ('languages = ["sv"]', False),
        ('languages = ["sv"], part = "the Swedish half"', True),
        ('languages = ["en"], part = "the English half"', False),
    ],
)
def test_one_of_several_licences_and_a_part_in_fewer_languages_fit_a_dataset_card(
    base: Path, said: str, fits: bool
) -> None:
    (base / "README.md").write_text("---\nlicense:\n- cc-by-sa-3.0\n- gfdl\nlanguage: [sv, no]\n---\n")
    fact = declared(base, f'{{ name = "d", card = "README.md", {said} }}')
    assert (contradictions({"training.datasets": fact}, {}, {}) == {}) is fits


def test_a_dataset_cards_own_licence_is_told_by_its_name(base: Path) -> None:
    (base / "README.md").write_text("---\nlicense: other\nlicense_name: owls-1.0\n---\n")
    fact = declared(base, '{ name = "d", card = "README.md", license = "LicenseRef-owls-1.0" }')
    assert fact.value[0]["read"]["license"] == "owls-1.0"
    assert contradictions({"training.datasets": fact}, {}, {}) == {}


def test_a_dataset_card_that_cannot_be_read_is_named(base: Path) -> None:
    (base / "README.md").write_text("---\n- a\n- b\n---\n")
    with pytest.raises(ProvenanceError, match=r"the front matter of .*README\.md: expected a mapping, got list"):
        declared(base, '{ name = "d", card = "README.md" }')


def test_the_digest_of_a_single_file_is_its_own(base: Path) -> None:
    right = hashlib.sha256((base / "data" / "a.jsonl").read_bytes()).hexdigest()
    for digest, told in ((right, set()), ("0" * 64, {"training.datasets"})):
        fact = declared(base, f'{{ name = "d", folder = "data/a.jsonl", sha256 = "{digest}" }}')
        assert set(contradictions({"training.datasets": fact}, {}, {})) == told


def test_a_digest_that_was_declared_is_held_against_the_one_file_of_a_croissant_document(base: Path) -> None:
    pytest.importorskip("mlcroissant")
    (base / "d.json").write_text(json.dumps(croissant()))
    for digest, told in (("a" * 64, set()), ("0" * 64, {"training.datasets"})):
        fact = declared(base, f'{{ name = "d", croissant = "d.json", sha256 = "{digest}" }}')
        assert set(contradictions({"training.datasets": fact}, {}, {})) == told


def test_a_croissant_file_is_validated_and_read_offline(base: Path) -> None:
    pytest.importorskip("mlcroissant")
    (base / "d.json").write_text(json.dumps(croissant()))
    read = declared(base, '{ name = "d", croissant = "d.json", license = "CC-BY-4.0" }').value[0]["read"]
    assert (read["title"], read["version"], read["license"]) == ("tiny", "1.0.0", "CC-BY-4.0")
    assert (read["creators"], read["files"]) == (["Example Ltd"], 1)


def held_against(base: Path, **file: str) -> tuple[dict[str, Json], dict[str, str]]:
    """Return what is read of a Croissant document whose one file is as given, and the contradictions that follow."""
    content = croissant()
    content["distribution"][0] |= file
    (base / "d.json").write_text(json.dumps(content))
    fact = declared(base, '{ name = "d", croissant = "d.json" }')
    return fact.value[0]["read"], contradictions({"training.datasets": fact}, {}, {})


LINES = b'{"x": 1}\n{"x": 2}'


@pytest.mark.parametrize(
    "address", ["data/a.jsonl", "https://example.org/files/data.csv?download=1", "https://example.org/with%20space.csv"]
)
def test_a_file_beside_its_croissant_document_is_held_against_the_digest_declared(base: Path, address: str) -> None:
    pytest.importorskip("mlcroissant")
    for name in ("data.csv", "with space.csv"):
        (base / name).write_bytes(LINES)
    right = hashlib.sha256(LINES).hexdigest()
    read, found = held_against(base, contentUrl=address, sha256=right.upper())
    assert (read["files_as_declared"], "files_differing" in read, found) == (1, False, {})
    read, found = held_against(base, contentUrl=address, sha256="b" * 64)
    assert "files_as_declared" not in read
    name = address.partition("?")[0].rpartition("/")[2].replace("%20", " ")
    assert found["training.datasets"] == (
        f"d, d.json: {name}: declared sha256 {'b' * 64}, but the file has {hashlib.sha256(LINES).hexdigest()}"
    )


def test_an_md5_is_held_against_the_file_too(base: Path) -> None:
    pytest.importorskip("mlcroissant")
    right = {"sha256": hashlib.sha256(LINES).hexdigest()}
    _, found = held_against(base, contentUrl="data/a.jsonl", **right, md5=hashlib.md5(LINES).hexdigest())
    assert found == {}
    _, found = held_against(base, contentUrl="data/a.jsonl", **right, md5="0" * 32)
    assert "declared md5 00000000" in found["training.datasets"]


@pytest.mark.parametrize(
    "address",
    ["elsewhere.csv", "../outside.csv", "data/link.jsonl", "/etc/hostname", "ftp://example.org/a.csv", "data", "a\0b"],
)
def test_a_file_that_does_not_lie_beside_is_counted_as_elsewhere_and_contradicts_nothing(
    base: Path, address: str
) -> None:
    pytest.importorskip("mlcroissant")
    (base.parent / "outside.csv").write_bytes(LINES)
    read, found = held_against(base, contentUrl=address, sha256="b" * 64)
    assert (read["files_elsewhere"], found) == (1, {})


def test_what_is_no_digest_is_not_compared(base: Path) -> None:
    pytest.importorskip("mlcroissant")
    read, found = held_against(base, contentUrl="data/a.jsonl", sha256="https://example.org/issues/80")
    assert found == {} and not {"files_as_declared", "files_elsewhere"} & set(read)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("{", "is not JSON"),
        ("[]", "does not carry its @context"),
        ('{"@context": "https://schema.org/", "@type": "Dataset"}', "does not carry its @context"),
        ('{"@context": {"sc": "https://schema.org/"}, "@type": "sc:Person"}', "is no sound Croissant file"),
    ],
)
def test_a_croissant_file_that_is_not_sound_is_an_error(base: Path, content: str, fault: str) -> None:
    pytest.importorskip("mlcroissant")
    (base / "d.json").write_text(content)
    with pytest.raises(ProvenanceError, match=fault):
        declared(base, '{ name = "d", croissant = "d.json" }')


def test_a_croissant_file_whose_file_has_no_address_fails_validation(base: Path) -> None:
    pytest.importorskip("mlcroissant")
    content = croissant()
    del content["distribution"][0]["contentUrl"]
    (base / "d.json").write_text(json.dumps(content))
    with pytest.raises(ProvenanceError, match=r"is no sound Croissant file: .*contentUrl"):
        declared(base, '{ name = "d", croissant = "d.json" }')


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ('{ name = "d", folder = "nowhere" }', "the dataset 'd': cannot read .*nowhere"),
        ('{ name = "d", card = "nowhere.md" }', "the dataset 'd': cannot read .*nowhere.md"),
        ('{ name = "d", card = "a", folder = "b" }', "points to card and folder"),
        ('{ name = "d", read = { path = "x" } }', "unknown key 'read'"),
    ],
)
def test_what_cannot_be_read_is_an_error_and_never_an_empty_dataset(base: Path, entry: str, fault: str) -> None:
    with pytest.raises(ProvenanceError, match=fault):
        declared(base, entry)


def test_an_empty_folder_is_no_dataset(base: Path) -> None:
    (base / "empty").mkdir()
    with pytest.raises(ProvenanceError, match="holds no files"):
        declared(base, '{ name = "d", folder = "empty" }')


def test_what_was_read_is_kept_beside_the_record_and_bound_to_its_provenance_file(base: Path) -> None:
    fact = declared(base, '"a name", { name = "d", folder = "data" }')
    text = (base / "provenance.toml").read_text()
    record = base / "record"
    record.mkdir()
    (record / "provenance.toml").write_text(text)
    [(name, kept)] = kept_beside(text, {"training.datasets": fact}).items()
    (record / name).write_text(kept)
    assert load_declared(record / "provenance.toml")["training.datasets"] == fact
    (record / "provenance.toml").write_text(text + "# another\n")
    with pytest.raises(ProvenanceError, match=r"is of another provenance\.toml"):
        load_declared(record / "provenance.toml")
    (record / "provenance.toml").write_text(text)
    for damaged in ("{}", kept.replace('"path"', '"qath"'), kept.replace('"1": {', '"1": [{').replace("}", "}]", 1)):
        (record / name).write_text(damaged)
        with pytest.raises(ProvenanceError, match="is damaged"):
            load_declared(record / "provenance.toml")


def test_nothing_is_kept_where_nothing_was_read(base: Path) -> None:
    assert kept_beside("", {"training.datasets": declared(base, '"a name"')}) == {}
    assert datasets.keep(None, "") == ""
