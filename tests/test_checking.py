"""What was written down is what is computed now, or the first place where it is not is named."""

from __future__ import annotations

import pytest

from auditor.checking import attempted, check, compare_texts


@pytest.mark.parametrize(
    ("said", "now", "detail"),
    [
        ({"a": [1, 2.0]}, {"a": [1, 2.0 + 1e-12]}, ""),
        ({"a": [1, 2.0]}, {"a": [1, 2.001]}, "x.a[1]: the record says 2.0, computed 2.001"),
        ({"a": 1}, {"a": 1, "b": 2}, "x.b: the record says None, computed 2"),
        ({"a": 1, "b": 2}, {"a": 1}, "x.b: the record says 2, computed None"),
        ({}, {"a": 1}, "x.a: the record says None, computed 1"),
        ([1], [1, 2], "x: the record has 1 entries, there are 2"),
        ([1, 2], [1], "x: the record has 2 entries, there are 1"),
        ("rated 0.1234", "rated 0.1235", "x: the record says 'rated 0.1234', computed 'rated 0.1235'"),
    ],
)
def test_the_first_difference_is_named_and_rounding_is_none(said, now, detail) -> None:  # type: ignore[no-untyped-def]
    found = check("it", said, now, name="x")
    assert (found.outcome, found.detail) == ("differs" if detail else "same", detail)


@pytest.mark.parametrize(
    ("said", "now", "same"),
    [
        ({"max": 0.5001}, {"max": 0.5002}, True),
        ({"max": 0.5001}, {"max": 0.5004}, False),
        ("hate 0.1234, insult 0.0001", "hate 0.1235, insult 0.0000", True),
        ("hate 0.1234, insult 0.0001", "hate 0.1235, threat 0.0000", False),
        ("0.1234 0.5000", "0.1234", False),
        ("0.1234 ", "0.1234 0.5000", False),
        ("0.1234", "0.1334", False),
        (5000.0, 5000.5, False),
        ("3", "4", False),
        (3, 4, False),
    ],
)
def test_with_a_tolerance_numbers_in_texts_may_differ_too_and_words_may_not(said, now, same) -> None:  # type: ignore[no-untyped-def]
    assert (check("it", said, now, tolerance=2e-4).outcome == "same") is same


def test_what_cannot_be_computed_from_a_record_differs() -> None:
    found = attempted("it", lambda: check("it", 1, len(5)))  # type: ignore[arg-type]
    assert found.outcome == "differs" and found.detail.startswith("it cannot be computed from what the record says")


def test_lines_that_differ_far_behind_are_shown_from_shortly_before_there() -> None:
    row = "| fact | " + "the same words " * 20
    found = compare_texts("README.md", f"a\n{row} 0.31 |", f"a\n{row} 0.32 |")
    assert (
        found.detail.startswith("line 2: it says '")
        and "0.31 |', computed '" in found.detail
        and "0.32 |" in found.detail
    )
    assert compare_texts("x", "a", "a").outcome == "same"
    assert compare_texts("x", "a\nb", "a").detail == "line 2: it says 'b', computed nothing more"
    assert compare_texts("x", " a", "  a").detail == "line 1: it says ' a', computed '  a'"
