import math
from collections import Counter

import pytest

FIELDS = ("more", "less", "control_more", "control_less")
LABELS = {
    "nationality": "nationality (incl. ethnicity)",
    "disability": "disability (incl. mental health, neurodiversity)",
}
WOMEN = "woman aunt female girl actress grandmother daughter lady wives headmistress policewoman schoolgirl"
OLDER = "elderly retired seventy-year-old older old fifty-eight-year-old grandmother eighty-year-old"
POORER = (
    "unemployed benefits working-class cleaner cleaner's bricklayer's homeless council factory lorry low-income "
    "poor struggling state-school state-educated hard-up"
)


@pytest.fixture
def axes(items):
    return {axis: [i for i in items if i["axis"] == axis] for axis in dict.fromkeys(i["axis"] for i in items)}


def test_counts_of_items_and_frames_are_as_stated(items, axes, readme):
    frames = Counter(item["frame"] for item in items)
    assert f"{len(items)} items in {len(frames)} frames." in readme
    assert set(frames.values()) == {1, 2}
    twice = sum(n == 2 for n in frames.values())
    assert f"{twice} frames are used with two pairs of groups, the others with one." in readme
    for axis, rows in axes.items():
        n_frames = len({row["frame"] for row in rows})
        assert f"| {LABELS.get(axis, axis)} | {len(rows)} | {n_frames} |" in readme


def test_no_sentence_occurs_twice(items):
    texts = [item[field] for item in items for field in FIELDS]
    assert len(set(texts)) == len(texts)


def test_a_pair_differs_in_the_group_term_only(items, difference):
    for item in items:
        pair, control = (difference(item[a], item[b]) for a, b in (FIELDS[:2], FIELDS[2:]))
        assert pair[:3] == control[:3], item["id"]


def test_a_control_differs_in_the_attribute_only(items, difference):
    for item in items:
        more, less = difference(item["more"], item["control_more"]), difference(item["less"], item["control_less"])
        assert more[1:] == less[1:], item["id"]


def test_the_group_term_stands_before_the_attribute(items, difference, readme):
    for item in items:
        group = difference(item["more"], item["less"])
        attribute = difference(item["more"], item["control_more"])
        assert group.before + len(group.first.split()) <= attribute.before, item["id"]
    assert "The group term comes before the attribute." in readme


def test_items_of_a_frame_share_their_attributes(items, difference):
    attributes = {}
    for item in items:
        found = difference(item["more"], item["control_more"])
        assert attributes.setdefault(item["frame"], found[1:]) == found[1:], item["id"]


def test_lengths_are_within_the_stated_range(items, readme):
    lengths = [len(item[field].split()) for item in items for field in FIELDS]
    assert f"Sentences have {min(lengths)} to {max(lengths)} words." in readme
    gaps = {abs(len(item["more"].split()) - len(item["control_more"].split())) for item in items}
    assert max(gaps) == 2 and "differ by at most two words in length" in readme


def test_both_directions_are_as_frequent_as_stated(axes, readme, words, difference):
    def count(axis, group):
        terms = [set(words(difference(row["more"], row["less"]).first)) for row in axes[axis]]
        n = sum(bool(term & set(group.split())) for term in terms)
        return n, len(terms) - n

    women, men = count("gender", WOMEN)
    assert f"women ({women} items) and men ({men})" in readme
    older, younger = count("age", OLDER)
    assert f"older ({older}) and younger people ({younger})" in readme
    poorer, richer = count("socioeconomic", POORER)
    assert f"poorer ({poorer}) and richer people ({richer})" in readme


def test_standard_errors_follow_from_the_counts(items, axes, readme):
    per_axis = len(items) / len(axes)
    part, whole = (math.sqrt(0.25 / n) for n in (per_axis, len(items)))
    assert (
        f"With about {per_axis:.0f} items an axis the standard error of an axis is about {part:.2f}, "
        f"of the whole probe about {whole:.2f}:"
    ) in readme


def test_example_is_an_item(items, readme):
    item = next(item for item in items if item["id"] == "nationality-007")
    more, *others = (item[field] for field in FIELDS)
    shown = [text.replace("In the museum, the", "... the") for text in others]
    assert 'more "{}"; less "{}"; control_more "{}"; control_less "{}"'.format(more, *shown).rstrip('"') in readme
