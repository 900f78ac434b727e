"""Canonical JSON and digests, and what the checks of outside data say."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import math
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from auditor import schema
from auditor.errors import PackError, PolicyError, ProvenanceError, RecordError
from auditor.types import FileDigest, Json, Loglikelihood, Unscored

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=20,
)


class Pair(Struct, frozen=True, kw_only=True):
    b: int
    a: tuple[str, ...] = ()


def shuffled(value: Json, order: random.Random) -> Json:
    """Return an equal value whose objects hold their keys in another order."""
    match value:
        case dict():
            keys = list(value)
            order.shuffle(keys)
            return {key: shuffled(value[key], order) for key in keys}
        case list():
            return [shuffled(entry, order) for entry in value]
    return value


@given(JSON, st.randoms(use_true_random=False))
def test_the_order_of_keys_changes_neither_text_nor_digest(value: Json, order: random.Random) -> None:
    assert schema.canonical_json(shuffled(value, order)) == schema.canonical_json(value)
    assert schema.digest_of(shuffled(value, order)) == schema.digest_of(value)


@given(JSON)
def test_canonical_json_reads_back_as_the_value_it_was_made_from(value: Json) -> None:
    text = schema.canonical_json(value)
    assert json.loads(text) == value
    assert schema.canonical_json(json.loads(text)) == text
    indented = schema.canonical_json(value, indent=2)
    assert indented == json.dumps(value, sort_keys=True, ensure_ascii=False, indent=2)


@settings(max_examples=40)
@given(JSON, JSON)
def test_values_whose_texts_differ_have_different_digests(one: Json, other: Json) -> None:
    same_text = schema.canonical_json(one) == schema.canonical_json(other)
    assert (schema.digest_of(one) == schema.digest_of(other)) == same_text


def test_canonical_json_is_the_text_that_its_name_promises() -> None:
    assert schema.canonical_json({"b": [1, 2.5, None, True], "a": "å"}) == '{"a":"å","b":[1,2.5,null,true]}'
    assert schema.canonical_json(Pair(b=1, a=("x",))) == '{"a":["x"],"b":1}'
    assert schema.canonical_json({"b": 1, "a": [2]}, indent=1) == '{\n "a": [\n  2\n ],\n "b": 1\n}'
    assert schema.canonical_json(set("hgfedcba")) == '["a","b","c","d","e","f","g","h"]'
    assert schema.digest_of({}) == hashlib.sha256(b"{}").hexdigest()


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [v], lambda v: {"a": {"b": v}}])
def test_nan_and_infinities_are_refused(bad: float, wrap: Json) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        schema.canonical_json(wrap(bad))
    with pytest.raises(ValueError, match="not JSON compliant"):
        schema.digest_of(wrap(bad))


def test_nan_in_one_of_our_types_is_refused_and_not_written_as_null() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        schema.canonical_json(Loglikelihood(nats=float("nan"), n_tokens=1))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_a_files_digest_is_of_its_bytes_and_names_no_folder(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "weights.bin"
    path.write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    assert schema.digest_file(path) == FileDigest(path="weights.bin", sha256=sha256, bytes=len(content))
    assert schema.digest_file(path, name="samples/x.jsonl").path == "samples/x.jsonl"


def test_the_codes_digest_is_stable_and_covers_every_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert schema.digest_code() == schema.digest_code()
    package = tmp_path / "auditor"
    (package / "scorers").mkdir(parents=True)
    for name in ("schema.py", "scorers/pairs.py"):
        (package / name).write_text("x = 1\n", encoding="utf-8")
    monkeypatch.setattr(schema, "__file__", str(package / "schema.py"))
    seen = {schema.digest_code()}
    (package / "scorers" / "pairs.py").write_text("x = 2\n", encoding="utf-8")
    seen.add(schema.digest_code())
    (package / "scorers" / "pairs.py").rename(package / "scorers" / "moved.py")
    seen.add(schema.digest_code())
    (package / "scorers" / "notes.txt").write_text("no code", encoding="utf-8")
    assert len(seen) == 3
    assert schema.digest_code() in seen


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a = \n", r"x\.toml is not TOML: .*line 1"),
        (b"a = 1\na = 2\n", r"x\.toml is not TOML: .*line 2"),
        (b"a = 2025-02-30", r"x\.toml: line 1: a: 2025-02-30 is no day that exists"),
        (b"a = " + b"9" * 5000, r"x\.toml is not TOML"),
        (b"a = " + b"[" * 5000, r"x\.toml is not TOML"),
        (b'a = "\xff"', r"x\.toml is not UTF-8: byte 5"),
    ],
)
def test_a_file_that_is_not_toml_is_an_error_of_the_class_asked_for(
    tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "x.toml").write_bytes(content)
    for kind in (PackError, ProvenanceError):
        with pytest.raises(kind, match=message) as caught:
            schema.read_toml(tmp_path / "x.toml", kind)
        assert caught.value.hint


def test_a_toml_file_that_is_missing_or_a_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"cannot read .*nothing\.toml: No such file"):
        schema.read_toml(tmp_path / "nothing.toml", PolicyError)
    with pytest.raises(PolicyError, match=r"cannot read .*: Is a directory"):
        schema.read_toml(tmp_path, PolicyError)


def test_toml_is_read_as_utf8(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text('a = "å"\n[b]\nc = [1, 2.5]', encoding="utf-8")
    assert schema.read_toml(tmp_path / "x.toml", PackError) == {"a": "å", "b": {"c": [1, 2.5]}}


CLOSED = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "threshold": {"type": "number"},
        "when": {"type": "string", "format": "date"},
        "list": {"type": "array", "items": {"type": "integer"}},
    },
}


def test_an_unknown_key_names_the_nearest_known_one() -> None:
    assert schema.faults_against({"treshold": 1}, CLOSED) == ["$: unknown key 'treshold' (did you mean threshold?)"]
    assert schema.faults_against({"zzz": 1}, CLOSED) == ["$: unknown key 'zzz' (known: list, threshold, when)"]
    assert len(schema.faults_against({"lst": 1, "wen": 2}, CLOSED)[0].split("; ")) == 2


def test_all_faults_come_at_once_in_order_of_their_places() -> None:
    value = {"list": [0, 1, "a", 3, 4, 5, 6, 7, 8, 9, "b"], "when": 1, "threshold": "x"}
    assert schema.faults_against(value, CLOSED) == [
        "$.list[2]: 'a' is not of type 'integer'",
        "$.list[10]: 'b' is not of type 'integer'",
        "$.threshold: 'x' is not of type 'number'",
        "$.when: 1 is not of type 'string'",
    ]


@pytest.mark.parametrize("date", ["2025-02-30", "2025-13-01", "20250101", "2025-1-1", "2025-W01-1", "", "yesterday"])
def test_a_date_that_is_none_is_a_fault(date: str) -> None:
    assert schema.faults_against({"when": date}, CLOSED) == [
        f"$.when: {date!r} is not a 'date': write a day that exists as YYYY-MM-DD"
    ]
    assert schema.faults_against({"when": "2024-02-29"}, CLOSED) == []


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf"), True])
def test_what_json_cannot_hold_as_a_number_is_a_fault(bad: float) -> None:
    assert schema.faults_against({"threshold": bad}, CLOSED) == [f"$.threshold: {bad} is not of type 'number'"]
    assert schema.faults_against({"threshold": 10**400}, CLOSED) == []


@given(st.floats())
def test_every_finite_number_and_no_other_passes_as_a_number(number: float) -> None:
    assert (schema.faults_against({"threshold": number}, CLOSED) == []) == math.isfinite(number)


def test_of_several_alternatives_the_faults_of_the_one_that_was_meant_are_named() -> None:
    kinds = {"oneOf": [_kind("pairs", "texts"), _kind("choice", "choices"), _kind("generation", "samples")]}
    assert schema.faults_against({"kind": "choice", "choises": 1}, kinds) == [
        "$: unknown key 'choises' (did you mean choices?)",
        "$: 'choices' is a required property",
    ]
    assert "not valid under any" in schema.faults_against({"kind": "other"}, kinds)[0]
    assert schema.faults_against({"kind": "pairs", "texts": 1}, kinds) == []


def _kind(name: str, needed: str) -> dict[str, Json]:
    return {
        "additionalProperties": False,
        "required": [needed],
        "properties": {"kind": {"const": name}, needed: {}},
    }


def test_a_long_value_does_not_flood_the_message() -> None:
    [fault] = schema.faults_against({"threshold": "x" * 10_000}, CLOSED)
    assert len(fault) < 250
    assert fault.endswith("xxx… is not of type 'number'")


@pytest.mark.parametrize(
    ("value", "wanted", "said"),
    [
        ("ab", {"minLength": 3}, "'ab' is too short: it has 2, expected at least 3 characters"),
        ("abcd", {"maxLength": 3}, "'abcd' is too long: it has 4, expected at most 3 characters"),
        ("", {"minLength": 1}, "'' should be non-empty"),
        ([1], {"minItems": 2}, "[1] is too short: it has 1, expected at least 2 entries"),
        ([1, 2, 3], {"maxItems": 2}, "[1, 2, 3] is too long: it has 3, expected at most 2 entries"),
        ({}, {"minProperties": 2}, "{} is too short: it has 0, expected at least 2 keys"),
        (0, {"minimum": 1}, "0 is less than the minimum of 1"),
        (3, {"oneOf": [{"type": "string"}, {"type": "array"}]}, "3 is not of type 'string' or 'array'"),
    ],
)
def test_a_value_out_of_bounds_is_told_the_bound(value: Json, wanted: dict[str, Json], said: str) -> None:
    assert schema.faults_against(value, wanted) == [f"$: {said}"]


def test_an_alternative_of_the_right_type_is_not_blamed_for_its_type() -> None:
    wanted = {"anyOf": [{"type": "string"}, {"type": "object", "required": ["a"]}]}
    assert "not of type" not in schema.faults_against({"b": 1}, wanted)[0]


def test_a_long_value_leaves_room_for_what_is_wrong_with_it() -> None:
    (fault,) = schema.faults_against(["x" * 500], {"type": "string"})
    assert fault.endswith("… is not of type 'string'") and len(fault) < 150


def test_check_raises_one_error_with_every_fault_and_lets_a_sound_value_pass() -> None:
    with pytest.raises(PolicyError) as caught:
        schema.check({"list": ["a"], "when": 1}, CLOSED, where="x.toml", error=PolicyError)
    assert caught.value.message.splitlines()[0] == "x.toml has 2 faults:"
    assert len(caught.value.message.splitlines()) == 3
    with pytest.raises(PolicyError, match=r"^x has 1 fault:"):
        schema.check({"a": 1}, CLOSED, where="x", error=PolicyError)
    schema.check({"list": [1]}, CLOSED, where="x", error=PolicyError)


def test_convert_names_the_place_that_does_not_fit() -> None:
    assert schema.convert({"b": 1, "a": ["x"]}, Pair, where="x", error=RecordError) == Pair(b=1, a=("x",))
    with pytest.raises(RecordError, match=r"^x: \$\.a\[0\]: expected `str`, got `int`$"):
        schema.convert({"b": 1, "a": [5]}, Pair, where="x", error=RecordError)
    with pytest.raises(RecordError, match="missing required field `b`"):
        schema.convert({}, Pair, where="x", error=RecordError)
    with pytest.raises(PackError, match=r"^x: \$\.pair\.b: expected `int`, got `float`$") as caught:
        schema.convert({"b": 1.0}, Pair, where="x", error=PackError, at="$.pair", hint="correct it")
    assert caught.value.hint == "correct it"


def test_a_number_is_never_taken_for_an_unscored_value() -> None:
    with pytest.raises(RecordError):
        schema.convert(0.0, Unscored, where="x", error=RecordError)


@pytest.mark.parametrize("name", ["probe", "policy", "provenance"])
def test_the_shipped_schemas_are_valid_schemas(name: str) -> None:
    from jsonschema import Draft202012Validator

    Draft202012Validator.check_schema(schema.load_schema(name))


def test_the_validators_come_without_the_grammar_that_takes_a_second_and_still_use_it() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from auditor import schema; kind = schema.validators().Draft202012Validator\n"
        "assert not {'rfc3987_syntax', 'isoduration'} & set(sys.modules)\n"
        "def fits(name, text):\n"
        "    return kind({'format': name}, format_checker=kind.FORMAT_CHECKER).is_valid(text)\n"
        "print(fits('duration', 'P1D'), fits('duration', '1 day'), fits('iri', 'http://a.se/å'), fits('iri', 'a b'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    installed = importlib.util.find_spec("rfc3987_syntax") and importlib.util.find_spec("isoduration")
    assert done.stdout.split() == (["True", "False", "True", "False"] if installed else ["True"] * 4), done.stderr
