from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from auditor import stats

SIZES = st.floats(20, 1e5)
SHARES = st.floats(0.05, 0.95)


@given(n=SIZES, p0=SHARES, share=st.floats(0, 1))
def test_detectable_shares_are_those_that_a_normal_approximation_of_the_score_test_finds(n, p0, share) -> None:
    """Power by its own definition: beyond the test's critical value on the side where the share lies."""
    below, above = stats.detectable_shares(n, p0=p0)
    critical = 1.959963984540054 * math.sqrt(p0 * (1 - p0) / n)
    error = math.sqrt(share * (1 - share) / n)
    shift = abs(share - p0) - critical
    power = scipy_stats.norm.cdf(shift / error) if error else float(shift >= 0)
    beyond = share <= (-1 if below is None else below) if share < p0 else share >= (2 if above is None else above)
    assert beyond == (power >= 0.8) or power == pytest.approx(0.8, abs=1e-6)


@given(n=SIZES, p0=st.floats(1e-6, 1 - 1e-6) | st.sampled_from([0.0, 1.0]))
def test_detectable_shares_mirror_each_other_and_come_nearer_with_n(n, p0) -> None:
    below, above = stats.detectable_shares(n, p0=p0)
    mirrored = stats.detectable_shares(n, p0=1 - p0)
    for one, other in ((below, mirrored[1]), (above, mirrored[0])):
        assert (one is None) == (other is None)
        assert one is None or one == pytest.approx(1 - other, abs=1e-9)
    _, nearer = stats.detectable_shares(4 * n, p0=p0)
    if above is not None:
        assert nearer is not None
        assert p0 < nearer < above <= 1


def test_at_0_one_hit_is_enough_at_1_one_miss() -> None:
    _, above = stats.detectable_shares(50, p0=0.0)
    assert above is not None
    assert scipy_stats.binom.sf(0, 50, above) == pytest.approx(0.8)
    below, none = stats.detectable_shares(50, p0=1.0)
    assert none is None
    assert below == pytest.approx(1 - above)


@given(first=SIZES, second=SIZES, p=SHARES)
def test_a_detectable_gap_has_cohens_h(first, second, p) -> None:
    below, above = stats.detectable_gaps(first, second, p=p)
    wanted = (scipy_stats.norm.ppf(0.975) + scipy_stats.norm.ppf(0.8)) * math.sqrt(1 / first + 1 / second)
    for share in (below, above):
        if share is not None:
            h = abs(2 * math.asin(math.sqrt(share)) - 2 * math.asin(math.sqrt(p)))
            assert h == pytest.approx(wanted, abs=1e-6)


def test_few_samples_detect_no_gap_at_all() -> None:
    assert stats.detectable_gaps(5, 5, p=0.5) == (None, None)
    assert stats.detectable_shares(3, p0=0.5) == (None, None)


def test_a_detectable_mean_is_near_the_noncentral_t_s() -> None:
    for n in (10, 30, 200):
        shift = stats.detectable_mean(1 / math.sqrt(n), n - 1)
        critical = scipy_stats.t.ppf(0.975, n - 1)
        power = scipy_stats.nct.sf(critical, n - 1, shift * math.sqrt(n))
        assert power == pytest.approx(0.8, abs=0.015)
    assert stats.detectable_mean(0.0, 5) == 0.0


@given(n=SIZES, changed=st.floats(0, 1))
def test_a_detectable_change_is_at_most_what_changed_or_what_would_have_to(n, changed) -> None:
    found = stats.detectable_change(n, changed=changed)
    assert found is not None
    assert 0 < found <= 1
    more = stats.detectable_change(4 * n, changed=changed)
    assert more is not None and more < found
    least = stats.detectable_change(n, changed=0.0)
    assert least is not None
    assert found <= changed or found == least


def test_without_changes_enough_would_have_to_be_one_way_for_the_exact_test() -> None:
    """Six changes, all one way, have p = 2/64; five have 2/32."""
    least = stats.detectable_change(200, changed=0.0)
    assert least is not None
    assert scipy_stats.binom.sf(5, 200, least) == pytest.approx(0.8)
    assert stats.detectable_change(5, changed=0.0) is None
    assert stats.detectable_change(6, changed=0.0) is not None


@pytest.mark.parametrize(
    "asked",
    [
        lambda: stats.detectable_shares(0, p0=0.5),
        lambda: stats.detectable_shares(10, p0=1.5),
        lambda: stats.detectable_shares(10, p0=0.5, alpha=0.0),
        lambda: stats.detectable_shares(10, p0=0.5, power=0.4),
        lambda: stats.detectable_gaps(10, math.nan, p=0.5),
        lambda: stats.detectable_mean(-1.0, 5),
        lambda: stats.detectable_mean(1.0, 0),
        lambda: stats.detectable_change(10, changed=-0.1),
    ],
)
def test_what_is_no_question_is_refused(asked) -> None:
    with pytest.raises(ValueError, match="need"):
        asked()
