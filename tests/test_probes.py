"""Packs are read, checked whole and digested; every fault is named with its file and place."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor import probes
from auditor.errors import PackError, UsageError
from auditor.types import Json

CHOICE = '[ask]\nkind = "choice"\nchoices = ["True", "False"]\n[score]\nscorer = "claim_verdict"\ncluster_by = "pair"\n'
CHOICE_FROM = '[ask]\nkind = "choice"\nchoices_from = ["a", "b"]\n[score]\nscorer = "behaviour_choice"\n'
PAIRS = '[ask]\nkind = "pairs"\ntexts = ["a", "b"]\n[score]\nscorer = "pair_preference"\n'
IN_CONTEXT = PAIRS.replace("[score]", "context = true\n[score]") + 'metric = "rate"\nideal = 0.5\n'
GENERATION = '[ask]\nkind = "generation"\nsamples_per_prompt = 2\nmax_new_tokens = 8\n[score]\nscorer = "text_rating"\n'
CLAIMS: list[dict[str, Json]] = [
    {"id": "c1", "pair": "p1", "claim": "Ice floats.", "is_true": True},
    {"id": "c2", "pair": "p1", "claim": "Ice sinks.", "is_true": False},
]


@pytest.fixture
def make(tmp_path: Path, probe_head: str, probe_writer: Json) -> Callable[..., Path]:
    """Write a probe and return its folder."""

    def write(
        config: str = CHOICE,
        items: list[dict[str, Json]] = CLAIMS,
        prompt: str = "{{ claim }}",
        probe_id: str = "misinformation/small_claims",
        head: str = probe_head,
    ) -> Path:
        folder: Path = probe_writer(tmp_path / "own", probe_id, head + config, items, prompt)
        return folder

    return write


def faults(folder: Path) -> list[str]:
    """Return the faults that a folder's error lists."""
    with pytest.raises(PackError) as caught:
        probes.load(folder)
    first, *lines = caught.value.message.splitlines()
    assert str(folder) in first
    assert f"has {len(lines)} fault{'s' if len(lines) > 1 else ''}:" in first
    return [line.strip() for line in lines]


def test_a_sound_probe_loads_with_all_that_it_says(make: Callable[..., Path]) -> None:
    probe = probes.load(make())
    assert (probe.id, probe.family, probe.version) == ("misinformation/small_claims", "misinformation", "1.0.0")
    assert (probe.languages, probe.license, probe.content_notice) == (("en",), "CC-BY-4.0", "")
    assert (probe.ask.kind, probe.ask.choices, probe.ask.variants) == ("choice", ("True", "False"), ("",))
    assert (probe.scoring.scorer, probe.scoring.cluster_by) == ("claim_verdict", "pair")
    assert probe.template == "{{ claim }}"
    assert [(sample.id, sample.cluster) for sample in probe.samples] == [("c1", "p1"), ("c2", "p1")]
    assert probe.samples[0].fields == CLAIMS[0]


def test_a_sample_without_a_cluster_is_its_own_and_slices_are_the_items_fields(pack: Path) -> None:
    probe = probes.load(pack / "bias" / "small_pairs")
    assert (probe.samples[1].cluster, probe.samples[1].slices) == ("p1", {"axis": "b"})


def test_how_a_completion_is_drawn_stands_in_the_probe(pack: Path) -> None:
    sampling = probes.load(pack / "toxicity" / "small_talk").ask.sampling
    assert (sampling.max_new_tokens, sampling.min_new_tokens, sampling.temperature, sampling.top_p) == (8, 1, 1.0, 1.0)


OWN = sorted(name for name, place in probes.find_in(probes.shipped()).items() if not place.external)


@pytest.mark.parametrize("probe_id", OWN)
def test_every_shipped_probe_with_items_of_its_own_is_sound(probe_id: str) -> None:
    [probe] = probes.load_all([probe_id])
    assert probe.id == probe_id
    assert probe.samples


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (("kind", "kindd"), "probe.toml: $.ask: 'kind' is a required property"),
        (('"choice"', '"chioce"'), "probe.toml: $.ask.kind: 'chioce' is not one of ['pairs', 'choice', 'generation']"),
        (
            ("choices =", "choises ="),
            "probe.toml: $.ask: unknown key 'choises' (did you mean choices or choices_from?)",
        ),
        (("cluster_by", "clusterby"), "probe.toml: $.score: unknown key 'clusterby' (did you mean cluster_by"),
        (
            ('["True", "False"]', '["True"]'),
            "probe.toml: $.ask.choices: ['True'] is too short: it has 1, expected at least 2 entries",
        ),
        (('"claim_verdict"', "5"), "probe.toml: $.score.scorer: 5 is not of type 'string'"),
        (("1.0.0", "one"), "probe.toml: $.version: 'one' does not match"),
        (('languages = ["en"]', 'languages = "en"'), "probe.toml: $.languages: 'en' is not of type 'array'"),
        (("title", "titel"), "probe.toml: $: unknown key 'titel' (did you mean title?)"),
        (("[score]", "[score]\nideal = nan"), "probe.toml: $.score.ideal: nan is not of type 'number'"),
    ],
)
def test_a_fault_of_the_config_is_named_with_its_key(
    make: Callable[..., Path], change: tuple[str, str], fault: str
) -> None:
    folder = make()
    config = (folder / "probe.toml").read_text(encoding="utf-8")
    assert change[0] in config
    (folder / "probe.toml").write_text(config.replace(*change), encoding="utf-8")
    assert any(line.startswith(fault) for line in faults(folder)), faults(folder)


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ("ask = 5\n", "probe.toml: $.ask: 5 is not of type 'object'"),
        ('ask = "choice"\n', "probe.toml: $.ask: 'choice' is not of type 'object'"),
        ('[[ask]]\nkind = "choice"\n', "probe.toml: $.ask: [{'kind': 'choice'}] is not of type 'object'"),
        ("[ask]\nkind = 5\n", "probe.toml: $.ask.kind: 5 is not one of ['pairs', 'choice', 'generation']"),
    ],
)
def test_a_table_of_the_wrong_type_is_one_fault(make: Callable[..., Path], table: str, fault: str) -> None:
    score = CHOICE[CHOICE.index("[score]") :]
    assert faults(make(config=table + score)) == [fault]


def test_a_number_that_is_no_whole_one_is_named_with_its_place(make: Callable[..., Path]) -> None:
    config = (
        '[ask]\nkind = "generation"\nsamples_per_prompt = 2.0\nmax_new_tokens = 8\n[score]\nscorer = "text_rating"\n'
    )
    with pytest.raises(PackError, match=r"toml: \$\.ask\.samples_per_prompt: expected `int`, got `float`$") as caught:
        probes.load(make(config=config))
    assert caught.value.hint == "correct the place named"


def test_a_part_whose_tables_are_none_is_a_fault_like_any_other(make: Callable[..., Path]) -> None:
    folder = make(config=CHOICE + "[data.parts.a]\nask = 3\nscore = 4\nfields = 5\n")
    with pytest.raises(PackError) as caught:
        probes.load(folder, next(iter(probes.find_in(folder.parent.parent).values())).part)
    for name in ("ask: 3", "score: 4", "fields: 5"):
        assert f"probe.toml: $.data.parts.a.{name} is not of type 'object'" in caught.value.message


def test_all_faults_of_the_config_come_at_once_with_the_lines_that_are_no_items(make: Callable[..., Path]) -> None:
    folder = make(head='version = "1"\nlanguages = ["English"]\n', probe_id="misinfo/small_claims")
    (folder / "items.jsonl").write_text("{}\nnot an item\n", encoding="utf-8")
    found = faults(folder)
    for start in (
        "probe.toml: $: 'title' is a required",
        "probe.toml: $: 'construct' is a required",
        "probe.toml: $: 'license' is a required",
        "probe.toml: $: 'source' is a required",
        "probe.toml: $.languages[0]: ",
        "probe.toml: $.version: ",
        "the folder 'misinfo' is not a family (did you mean misinformation?)",
        "items.jsonl:2: not JSON",
    ):
        assert any(line.startswith(start) for line in found), (start, found)
    assert len(found) == 8


def test_all_faults_of_items_template_and_scorer_come_at_once(make: Callable[..., Path]) -> None:
    folder = make(CHOICE.replace("claim_verdict", "claim_verdit"), prompt="Say:\n{% if %}")
    lines = ['{"id": "c1", "pair": "p1"}', "not an item", '{"id": "c1", "pair": 5}', "[1]", '{"pair": "p2"}']
    (folder / "items.jsonl").write_text("\n".join(lines), encoding="utf-8")
    assert faults(folder) == [
        "items.jsonl:2: not JSON: Expecting value: line 1 column 1 (char 0)",
        "items.jsonl:4: expected an object, got list",
        "prompt.j2:2: Expected an expression, got 'end of statement block'",
        "probe.toml: $.score.scorer: unknown scorer 'claim_verdit' (did you mean claim_verdict or hate_verdict?)",
        "items.jsonl:3: $.pair: expected a non-empty text, got 5",
        "items.jsonl:3: the id 'c1' stands in items.jsonl:1 already",
        "items.jsonl:5: $.id: expected a non-empty text, got None",
    ]


@pytest.mark.parametrize(
    ("config", "item", "fault"),
    [
        (CHOICE, {"id": " ", "pair": "p", "is_true": True}, "$.id: expected a non-empty text, got ' '"),
        (CHOICE, {"id": "x", "is_true": True}, "$.pair: expected a non-empty text, got None"),
        (CHOICE, {"id": "x", "pair": "p"}, "$.is_true: the scorer needs bool, got None"),
        (CHOICE, {"id": "x", "pair": "p", "is_true": 1}, "$.is_true: the scorer needs bool, got 1"),
        (CHOICE_FROM, {"id": "x", "a": "y"}, "$.b: expected a text or a list of texts, got None"),
        (CHOICE_FROM, {"id": "x", "a": "y", "b": []}, "$.b: expected a text or a list of texts, got []"),
        (CHOICE_FROM, {"id": "x", "a": "y", "b": ["z", ""]}, "$.b: expected a text or a list of texts, got ['z', '']"),
        (CHOICE_FROM, {"id": "x", "a": "y", "b": {"c": 1}}, "$.b: expected a text or a list of texts, got {'c': 1}"),
        (
            CHOICE_FROM.replace('["a", "b"]', '["a"]'),
            {"id": "x", "a": ["only"]},
            "$: expected at least two options, got 1",
        ),
        (
            CHOICE_FROM.replace("[score]", "letters = true\n[score]"),
            {"id": "x", "a": "y", "b": [f"option {n}" for n in range(26)]},
            "$: there are letters for 26 options, got 27",
        ),
        (
            CHOICE.replace("claim_verdict", "ambiguity_bias"),
            {"id": "x", "pair": "p", "condition": "ambiguous", "unknown": True, "stereotyped": 1, "correct": 0},
            "$.unknown: the scorer needs int, got True",
        ),
        (PAIRS, {"id": "x", "a": "y", "b": ""}, "$.b: expected a non-empty text, got ''"),
        (GENERATION + 'slice_by = ["kind"]\n', {"id": "x"}, "$.kind: expected a non-empty text, got None"),
    ],
)
def test_a_fault_of_an_item_is_named_with_its_line_and_field(
    make: Callable[..., Path], config: str, item: dict[str, Json], fault: str
) -> None:
    assert f"items.jsonl:1: {fault}" in faults(make(config, [item], prompt="x"))


@pytest.mark.parametrize(
    "line", ["", "{", '{"id": NaN}', '{"id": 1e999}', '{"id": "\\ud800"}', "[" * 100_000, '{"id": ' + "9" * 5000 + "}"]
)
def test_a_line_that_no_digest_could_be_taken_of_is_no_json(make: Callable[..., Path], line: str) -> None:
    folder = make()
    whole = "\n".join([json.dumps(CLAIMS[0]), line, json.dumps(CLAIMS[1])])
    (folder / "items.jsonl").write_text(whole + "\n", encoding="utf-8")
    [fault] = faults(folder)
    assert fault.startswith("items.jsonl:2: not JSON: ")


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x85"])
def test_only_a_line_feed_ends_a_line(make: Callable[..., Path], mark: str) -> None:
    folder = make()
    written = json.dumps({**CLAIMS[0], "claim": "Ice?floats."}).replace("?", mark)
    (folder / "items.jsonl").write_text(f"{written}\r\n{json.dumps(CLAIMS[1])}\r\n", encoding="utf-8", newline="")
    assert [sample.id for sample in probes.load(folder).samples] == ["c1", "c2"]


def test_an_empty_or_missing_file_of_items_is_a_fault(make: Callable[..., Path]) -> None:
    folder = make(items=[])
    assert faults(folder) == ["items.jsonl: holds no item"]
    (folder / "items.jsonl").unlink()
    assert faults(folder) == ["items.jsonl: No such file or directory"]


@pytest.mark.parametrize("name", ["items.jsonl", "prompt.j2"])
def test_a_file_that_is_not_utf8_is_a_fault_beside_the_others(make: Callable[..., Path], name: str) -> None:
    folder = make(CHOICE.replace("claim_verdict", "nothing"))
    (folder / name).write_bytes(b"abc\xff")
    found = faults(folder)
    assert f"{name}: not UTF-8: byte 3" in found
    assert any("unknown scorer 'nothing'" in fault for fault in found)


@pytest.mark.parametrize(("content", "message"), [(b"a = ", "is not TOML"), (b'a = "\xff"', "is not UTF-8")])
def test_a_config_that_cannot_be_read_is_named(make: Callable[..., Path], content: bytes, message: str) -> None:
    folder = make()
    (folder / "probe.toml").write_bytes(content)
    with pytest.raises(PackError, match=rf"probe\.toml {message}"):
        probes.load(folder)


@pytest.mark.parametrize("config", [CHOICE, GENERATION, IN_CONTEXT])
def test_a_prompt_is_needed(make: Callable[..., Path], config: str) -> None:
    assert "prompt.j2: No such file or directory" in faults(make(config, prompt=""))


def test_a_masked_model_takes_no_context(make: Callable[..., Path]) -> None:
    config = IN_CONTEXT.replace("context = true", "context = true\nmasked = true")
    items: list[dict[str, Json]] = [{"id": "1", "a": "One.", "b": "Two."}]
    assert probes.load(make(IN_CONTEXT, items, "{{ id }}")).template == "{{ id }}"
    [fault] = faults(make(config, items, "{{ id }}"))
    assert fault.startswith("probe.toml: $.ask.context: a masked model")


@pytest.mark.parametrize(
    ("prompt", "fault"),
    [
        ("{{ claim", "prompt.j2:1: unexpected end of template"),
        ("a\nb {% for %}", "prompt.j2:2: "),
        ("{{ claim | shout }}", "prompt.j2:1: No filter named 'shout'."),
        ("{% nonsense %}", "prompt.j2:1: Encountered unknown tag 'nonsense'."),
    ],
)
def test_a_fault_of_the_template_is_named_with_its_line(make: Callable[..., Path], prompt: str, fault: str) -> None:
    [found] = faults(make(prompt=prompt))
    assert found.startswith(fault)


def test_a_scorer_must_score_what_the_probe_asks(make: Callable[..., Path]) -> None:
    config = GENERATION.replace("text_rating", "behaviour_choice")
    assert faults(make(config)) == [
        "probe.toml: $.score.scorer: behaviour_choice scores choice, the probe asks generation"
    ]


def test_a_generic_scorer_needs_the_name_of_its_metric_and_an_ideal(make: Callable[..., Path]) -> None:
    items = [{"id": "x", "a": "y", "b": "z"}]
    for more in ("", 'metric = "m"\n', "ideal = 0.0\n"):
        assert faults(make(PAIRS + more, items)) == [
            "probe.toml: $.score: pair_preference needs the keys metric and ideal"
        ]
    assert probes.load(make(PAIRS + 'metric = "m"\nideal = 0.0\n', items)).scoring.ideal == 0.0


def test_a_family_that_does_not_exist_is_refused_with_the_nearest(make: Callable[..., Path]) -> None:
    assert faults(make(probe_id="biass/small_claims")) == ["the folder 'biass' is not a family (did you mean bias?)"]


def test_probes_are_selected_by_id_family_and_glob(pack: Path) -> None:
    shipped = set(OWN)
    own = {"bias/small_pairs", "toxicity/small_talk"}
    assert set(probes.select("", [pack])) == shipped | own
    assert probes.select("bias/small_pairs", [pack]) == ["bias/small_pairs"]
    assert probes.select(" toxicity/small_talk , bias/small_pairs,", [pack]) == sorted(own)
    assert probes.select("*/small_*", [pack]) == sorted(own)
    bias = sorted(name for name in shipped | own if name.startswith("bias/"))
    assert probes.select("bias", [pack]) == probes.select("bias/", [pack]) == probes.select("bias/*", [pack]) == bias
    assert probes.select("bias,bias/small_pairs", [pack]) == bias


def test_items_of_its_own_beside_a_table_of_data_files_are_a_fault(make: Callable[..., Path]) -> None:
    data = '[data]\norigin = "an example of data"\nformat = "csv"\n'
    data += 'files = [{ path = "a.csv" }]\nfields = { claim = "a" }\n'
    assert "probe.toml: $.data: the items are in items.jsonl already" in faults(make(CHOICE + data))


def test_benchmarks_are_selected_by_name_or_where_their_data_is_given() -> None:
    categories = "age disability_status gender_identity nationality physical_appearance race_ethnicity"
    categories += " race_x_gender race_x_ses religion ses sexual_orientation"
    parts = [f"bias/bbq/{category}" for category in categories.split()]
    assert probes.select("bias/bbq") == probes.select("bias/bbq/*") == parts
    assert not set(parts) & set(probes.select("bias"))
    assert set(parts) < set(probes.select("bias", external=True)) < set(probes.select("", external=True))
    crows = [f"bias/crows_pairs/{part}" for part in ("english", "french")]
    assert probes.select("bias/crows_pairs") == crows
    assert probes.select("bias/crows_pairs/*_masked") == [f"{name}_masked" for name in crows]
    assert f"{crows[0]}_masked" not in probes.select("", external=True)
    with pytest.raises(UsageError, match="bias/crows_pairs/english reads its items from files") as caught:
        probes.load_all(crows)
    assert caught.value.hint == "give --data-dir DIR"


@pytest.mark.parametrize(
    ("pattern", "nearest"),
    [
        ("bias/smal_pairs", "bias/small_pairs?"),
        ("toxicty", "toxicity?"),
        ("bias,misinfo", "misinformation?"),
        ("small_talk", "toxicity/small_talk?"),
    ],
)
def test_a_pattern_that_names_nothing_is_a_usage_error_with_the_nearest(pack: Path, pattern: str, nearest: str) -> None:
    with pytest.raises(UsageError) as caught:
        probes.select(pattern, [pack])
    assert repr(pattern.rpartition(",")[2]) in caught.value.message
    assert caught.value.hint.startswith(f"did you mean {nearest} families: bias, toxicity, misinformation, alignment; ")


def test_a_pattern_near_to_nothing_names_the_families_and_not_every_probe(pack: Path) -> None:
    for pattern in ("zzz", " , "):
        with pytest.raises(UsageError) as caught:
            probes.select(pattern, [pack])
        families = "families: bias, toxicity, misinformation, alignment"
        assert caught.value.hint == f"{families}; `auditor probes list` names the probes"


def test_an_id_in_two_packs_is_an_error_that_names_both(pack: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(pack, other)
    with pytest.raises(PackError) as caught:
        probes.find([pack, other])
    for folder in (pack, other):
        assert str(folder / "bias" / "small_pairs") in caught.value.message


def test_a_pack_cannot_take_the_place_of_a_shipped_probe(tmp_path: Path) -> None:
    shutil.copytree(probes.shipped() / "misinformation" / "claims", tmp_path / "misinformation" / "claims")
    with pytest.raises(PackError, match="misinformation/claims is in"):
        probes.find([tmp_path])


def test_a_folder_without_probes_is_no_pack(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(PackError, match=f"no probe in {folder}"):
            probes.find([folder])


def test_the_digest_is_the_same_wherever_the_folder_lies(make: Callable[..., Path], tmp_path: Path) -> None:
    folder = make()
    moved = tmp_path / "moved" / "bias" / "renamed"
    shutil.copytree(folder, moved)
    (moved / "README.md").write_text("# Other words\n", encoding="utf-8")
    assert probes.load(moved).digest == probes.load(folder).digest


def test_the_digest_changes_with_config_template_and_items(make: Callable[..., Path]) -> None:
    seen = {probes.load(make()).digest}
    for change in (
        {"config": CHOICE + 'slice_by = ["pair"]\n'},
        {"prompt": "{{ claim }} "},
        {"items": [{**CLAIMS[0], "claim": "Ice floats!"}, CLAIMS[1]]},
        {"items": CLAIMS[::-1]},
        {"items": CLAIMS[:1]},
    ):
        seen.add(probes.load(make(**change)).digest)
    assert len(seen) == 6


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(lines=st.lists(st.text(max_size=12) | st.sampled_from(['{"id":"a"}', '{"id":"b"}', "{}", '"x"']), max_size=4))
def test_whatever_the_items_are_the_probe_is_sound_or_an_error_of_ours(
    make: Callable[..., Path], lines: list[str]
) -> None:
    folder = make(GENERATION, prompt="x")
    (folder / "items.jsonl").write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
    try:
        probe = probes.load(folder)
    except PackError:
        return
    assert len({sample.id for sample in probe.samples}) == len(probe.samples) > 0


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('texts = ["first", "second"]', 'texts = ["first", "second", "axis"]', "pair_preference compares 2, got 3"),
        ('scorer = "pair_preference"', 'scorer = "pair_contrast"', "pair_contrast compares 4, got 2"),
    ],
)
def test_a_scorer_that_reads_another_number_of_texts_is_a_fault(pack: Path, old: str, new: str, why: str) -> None:
    path = pack / "bias" / "small_pairs" / "probe.toml"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(PackError, match=why):
        probes.load(path.parent)


@pytest.mark.parametrize("more", ["rotate = true", 'variants = ["a", "b"]'])
def test_a_scorer_of_one_answer_refuses_several(tmp_path: Path, probe_writer, probe_head: str, more: str) -> None:  # type: ignore[no-untyped-def]
    config = (
        probe_head + f'[ask]\nkind = "choice"\nchoices = ["True", "False"]\n{more}\n[score]\nscorer = "claim_verdict"\n'
    )
    folder = probe_writer(tmp_path, "misinformation/small", config, [{"id": "a", "is_true": True}], "{{ id }}")
    with pytest.raises(PackError, match="reads one answer a sample"):
        probes.load(folder)


@pytest.mark.parametrize("template", ["{{ lipsum() }}", "{{ [1, 2] | random }}"])
def test_a_template_cannot_draw_from_the_global_random_generator(pack: Path, template: str) -> None:
    from auditor import requests

    folder = pack / "toxicity" / "small_talk"
    (folder / "prompt.j2").write_text(template)
    with pytest.raises(PackError):
        probe = probes.load(folder)
        requests.questions(probe, probe.samples[0], seed=0, render_chat=str)


@pytest.mark.parametrize(
    ("probe", "old", "new", "why"),
    [
        ("bias/ambiguous_questions", '"stereotyped": 1', '"stereotyped": 3', "position from 0 to 2, got 3"),
        ("bias/ambiguous_questions", '"stereotyped": 1', '"stereotyped": 0', "the position of the unknown option"),
        ("bias/ambiguous_questions", '"condition": "ambiguous"', '"condition": "Ambigous"', "got 'Ambigous'"),
        ("alignment/sycophancy", '"correct": "first"', '"correct": "1"', "expected first, second or none"),
        ("alignment/sycophancy", '["neutral", "first", "second"]', '["neutral", "first"]', "opinion_shift needs"),
        (
            "misinformation/misconceptions",
            '["correct", "incorrect"]',
            '["incorrect", "correct"]',
            "multiple_choice needs",
        ),
        ("alignment/behaviour", '["aligned", "misaligned"]', '["misaligned", "aligned"]', "behaviour_choice needs"),
    ],
)
def test_items_that_would_turn_a_number_round_are_faults(
    tmp_path: Path, probe: str, old: str, new: str, why: str
) -> None:
    folder = Path(shutil.copytree(probes.shipped() / probe, tmp_path / probe))
    for name in ("probe.toml", "items.jsonl"):
        path = folder / name
        path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(PackError, match=why):
        probes.load(folder)
