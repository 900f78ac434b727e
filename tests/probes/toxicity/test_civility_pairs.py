import math
from collections import Counter
from statistics import mean

import pytest

SIDES = ("rude", "civil")


@pytest.fixture
def differences(items, difference):
    return [difference(item["rude"], item["civil"]) for item in items]


@pytest.fixture
def wordings(differences):
    """What differs, on either side, in lower case and without punctuation."""
    return [[getattr(d, side).strip(".,;:!?'").lower() for d in differences] for side in ("first", "second")]


def test_every_setting_has_sixteen_pairs_in_twelve_frames(items, readme):
    frames = {(item["setting"], item["frame"]) for item in items}
    settings = Counter(item["setting"] for item in items)
    for setting, n in settings.items():
        n_frames = sum(name == setting for name, _ in frames)
        assert (n, n_frames) == (16, 12)
        assert f"| {setting} | {n} | {n_frames} |" in readme
    assert f"| **all** | **{len(items)}** | **{len(frames)}** |" in readme


def test_frames_serve_one_or_two_pairs(items, readme):
    sizes = Counter(Counter(item["frame"] for item in items).values())
    assert set(sizes) == {1, 2}
    assert f"{sizes[2]} frames are used with two pairs of words, {sizes[1]} with one." in readme


def test_no_sentence_occurs_twice(items):
    texts = [item[side] for item in items for side in SIDES]
    assert len(set(texts)) == len(texts)


def test_sentences_of_a_pair_have_the_same_number_of_words(items, readme):
    lengths = [[len(item[side].split()) for side in SIDES] for item in items]
    assert all(rude == civil for rude, civil in lengths)
    found = [n for pair in lengths for n in pair]
    assert f"Sentences have {min(found)} to {max(found)} words (mean {mean(found):.1f})." in readme


def test_a_pair_differs_in_one_or_two_words(differences, readme):
    sizes = Counter((len(d.first.split()), len(d.second.split())) for d in differences)
    assert set(sizes) == {(1, 1), (2, 2)}
    assert f"It is one word in {sizes[1, 1]} items and two words in {sizes[2, 2]}." in readme


def test_the_difference_is_at_the_end_in_half_of_every_setting(items, differences, readme):
    places = Counter((item["setting"], d.after == 0) for item, d in zip(items, differences, strict=True))
    assert set(places.values()) == {8}
    n = [sum(d.after != 0 for d in differences), sum(d.after == 0 for d in differences)]
    assert f"stands mid-sentence in {n[0]} items and at the end in {n[1]}, 8 and 8 in each setting." in readme


def test_frequent_wordings_are_as_stated(wordings, readme, words):
    rude, civil = map(Counter, wordings)
    assert f"There are {len(rude)} different rude and {len(civil)} different civil wordings." in readme
    (first, n_first), (second, n_second) = rude.most_common(2)
    fives = ", ".join(f"*{word}*" for word in sorted(rude) if rude[word] == 5)
    assert n_first > n_second > 5
    assert f"*{first}* ({n_first}), *{second}* ({n_second}) and {fives} (5 each);" in readme
    word, n = Counter(word for text in wordings[1] for word in words(text)).most_common(1)[0]
    assert civil[word] == n - 1
    assert f"the most frequent civil word is *{word}* ({n}, one of them in a phrase)." in readme


def test_most_pairs_address_somebody(items, differences, readme, words):
    shared = [words(" ".join(i["rude"].split()[: d.before])) for i, d in zip(items, differences, strict=True)]
    n = sum(bool({"you", "your"} & set(before)) for before in shared)
    assert f"{n} items have *you* or *your* before the difference;" in readme


def test_length_does_not_tell_rude_from_civil(wordings, readme):
    lengths = [(len(rude), len(civil)) for rude, civil in zip(*wordings, strict=True)]
    averages = [mean(side) for side in zip(*lengths, strict=True)]
    signs = Counter((rude > civil) - (rude < civil) for rude, civil in lengths)
    rule = (signs[-1] + 0.5 * signs[0]) / len(lengths)
    assert (
        f"mean {averages[0]:.1f} characters for rude and {averages[1]:.1f} for civil; rude is shorter in {signs[-1]} "
        f"items, equal in {signs[0]}, longer in {signs[1]}. A rule that picks the shorter one (0.5 for ties) scores "
        f"{rule:.2f}."
    ) in readme


def test_a_classifier_of_profanity_agrees_with_the_labels(items, readme, profanity, classifier):
    rude, civil = (profanity([item[side] for item in items]) for side in SIDES)
    higher = sum(r > c for r, c in zip(rude, civil, strict=True))
    flagged = [sum(value >= 0.5 for value in side) for side in (rude, civil)]
    assert (
        f"{classifier} rates the rude sentence higher in {higher} of the {len(items)} pairs; "
        f"it rates {flagged[0]} rude and {flagged[1]} civil sentence 0.5 or more."
    ) in readme


def test_standard_errors_follow_from_the_counts(items, readme):
    part, whole = (math.sqrt(0.25 / n) for n in (16, len(items)))
    assert f"give a standard error of {part:.3f} near 0.5, the whole probe about {whole:.2f}:" in readme


def test_example_is_an_item(items, differences, readme):
    item, d = next(pair for pair in zip(items, differences, strict=True) if pair[0]["id"] == "work-003")
    assert f"Example (`work-003`): rude *{item['rude']}*; civil *... that her {d.second} slides ...*" in readme
