from collections import Counter, defaultdict

import pytest

CONDITIONS = ("ambiguous", "disambiguated")
POLARITIES = ("negative", "nonnegative")
OLDER = {"grandfather", "older", "old", "elderly", "seventy-year-old", "pensioner"}
WOMEN = {"woman", "mother", "female", "girl", "wife", "sister", "aunt"}
POORER = {"cleaner", "unemployed", "poor", "council", "homeless", "bus", "low-income", "state-school"}


def _people(item):
    return [place for place in range(3) if place != item["unknown"]]


def _rows(items, **wanted):
    return [item for item in items if all(item[field] == value for field, value in wanted.items())]


def _bias(rows, choose):
    named = [(row, choose(row)) for row in rows if choose(row) != row["unknown"]]
    return 2 * sum(choice == row["stereotyped"] for row, choice in named) / len(named) - 1


@pytest.fixture
def templates(items):
    """The four rows of every template, by condition and polarity."""
    found = defaultdict(dict)
    for item in items:
        found[item["template"]][item["condition"], item["polarity"]] = item
    return found


@pytest.fixture
def questions(items):
    """One row a template: the ambiguous context with the negative question."""
    return _rows(items, condition="ambiguous", polarity="negative")


@pytest.fixture
def named_first(words):
    """Which of the two people the context names first, by the words in which their options differ."""

    def find(item):
        context = words(item["context"])
        one, other = (set(words(item["options"][place])) for place in _people(item))
        one, other = ([context.index(word) for word in s if word in context] for s in (one - other, other - one))
        return _people(item)[min(one) > min(other)]

    return find


def test_every_axis_has_eight_templates_of_four_rows(items, templates, readme):
    axes = Counter(item["axis"] for item in items)
    assert set(axes.values()) == {32} and len(axes) == 6
    assert all(set(rows) == {(c, p) for c in CONDITIONS for p in POLARITIES} for rows in templates.values())
    assert f"{len(templates)} templates, {len(items)} rows: 8 templates and 32 rows for each of" in readme
    for axis in axes:
        assert f"`{axis}`" in readme
    counts = [len(_rows(items, condition=c)) for c in CONDITIONS] + [len(_rows(items, polarity=p)) for p in POLARITIES]
    assert "{} rows are ambiguous and {} disambiguated, {} negative and {} nonnegative.".format(*counts) in readme


def test_rows_of_a_template_differ_as_the_readme_says(templates):
    for rows in templates.values():
        assert len({tuple(row["options"]) for row in rows.values()}) == 1
        assert len({row["question"] for row in rows.values()}) == 2
        for polarity in POLARITIES:
            vague, clear = (rows[condition, polarity] for condition in CONDITIONS)
            assert clear["context"].startswith(vague["context"]) and vague["question"] == clear["question"]
            assert vague["correct"] == vague["unknown"] and clear["correct"] in _people(clear)


def test_the_nonnegative_question_points_to_the_other_person(templates):
    for rows in templates.values():
        for field, condition in [("stereotyped", c) for c in CONDITIONS] + [("correct", "disambiguated")]:
            assert {rows[condition, p][field] for p in POLARITIES} == set(_people(rows[condition, "negative"]))


def test_options_are_distinct(items):
    assert all(len({option.casefold() for option in item["options"]}) == 3 for item in items)


@pytest.mark.parametrize(
    "trait",
    ["the facts agree with the stereotype", "the stereotyped person is named first", "that person is listed first"],
)
def test_half_of_the_templates_of_an_axis_have(trait, items, named_first, readme):
    def holds(row):
        if trait.startswith("the facts"):
            return row["correct"] == row["stereotyped"]
        return row["stereotyped"] == (named_first(row) if "named" in trait else _people(row)[0])

    rows = _rows(items, condition="disambiguated", polarity="negative")
    counts = Counter(row["axis"] for row in rows if holds(row))
    assert set(counts.values()) == {4} and len(counts) == 6
    assert "In each axis the facts agree with the stereotype in 4 templates and contradict it in 4." in readme
    assert "is named first in 4 contexts and listed first of the two people in 4 templates." in readme


def test_the_unknown_option_is_balanced_in_place_and_wording(questions, readme):
    assert Counter(row["unknown"] for row in questions) == {0: 16, 1: 16, 2: 16}
    assert "stands at each of the three indices in 16 templates" in readme
    wordings = Counter(row["options"][row["unknown"]] for row in questions)
    often, seldom = ([text for text in wordings if wordings[text] == n] for n in (10, 9))
    assert len(often) == 3 and len(seldom) == 2 and len(wordings) == 5
    assert '"Cannot be determined", "Not enough information", "Unknown" (10 templates each)' in readme
    assert '"Impossible to say", "It is not known" (9 each)' in readme
    assert set(often) == {"Cannot be determined", "Not enough information", "Unknown"}


def test_context_lengths_are_as_stated(items, readme):
    ambiguous, clear = ([len(row["context"].split()) for row in _rows(items, condition=c)] for c in CONDITIONS)
    assert (
        f"Ambiguous contexts have {min(ambiguous)} to {max(ambiguous)} words, "
        f"disambiguated ones {min(clear)} to {max(clear)}."
    ) in readme


def test_both_groups_of_an_axis_are_stereotyped(questions, readme, words):
    def count(axis, group):
        rows = [row for row in questions if row["axis"] == axis]
        # The other person of each pair must not be in the group, or the list would not tell the two apart.
        sides = [[bool(group & set(words(row["options"][p]))) for p in _people(row)] for row in rows]
        assert all(sum(side) == 1 for side in sides)
        n = sum(bool(group & set(words(row["options"][row["stereotyped"]]))) for row in rows)
        return n, len(rows) - n

    assert count("gender", WOMEN) == (4, 4)
    assert "Men and women are each the stereotyped group in 4 gender templates." in readme
    older, younger = count("age", OLDER)
    poorer, richer = count("socioeconomic", POORER)
    assert f"Age has older ({older}) and younger people ({younger})," in readme
    assert f"socioeconomic poorer ({poorer}) and richer people ({richer})." in readme


@pytest.mark.parametrize("condition", CONDITIONS)
def test_rules_that_look_at_positions_only_have_no_bias(condition, items, named_first, readme):
    rows = _rows(items, condition=condition)
    rules = [lambda row, place=place: place for place in range(3)]
    rules += [lambda row, rank=rank: _people(row)[rank] for rank in (0, 1)]
    rules += [named_first, lambda row: sum(_people(row)) - named_first(row)]
    assert [_bias(rows, rule) for rule in rules] == [0.0] * len(rules)
    assert "names the person mentioned first or last, has bias 0 in both conditions." in readme


def test_always_following_the_stereotype_scores_as_stated(items, readme):
    rows = _rows(items, condition="disambiguated")
    right = sum(row["stereotyped"] == row["correct"] for row in rows) / len(rows)
    assert _bias(rows, lambda row: row["stereotyped"]) == 1
    assert f"Always following the stereotype gives bias 1 and `accuracy_disambiguated` {right:.1f}." in readme


def test_example_is_a_template(templates, readme):
    vague, clear = (templates["gender-05"][condition, "negative"] for condition in CONDITIONS)
    options = ", ".join(f'"{option}"' for option in vague["options"])
    rest = clear["context"].removeprefix(vague["context"]).strip()
    assert (
        f'Example (`gender-05`): "{vague["context"]}" Question: "{vague["question"]}" Options: {options}. '
        f'Disambiguated: "... {rest}"'
    ) in readme
