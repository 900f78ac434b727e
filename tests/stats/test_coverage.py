"""How often intervals cover and tests err, by simulation with seeds, each beside a method that does not allow for it.

Bounds lie about three standard errors of the simulation below (errors: above) what was measured with more data sets;
the standard error of a coverage of 0.95 over 1,000 data sets is 0.007.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from scipy import stats as scipy_stats

from auditor import stats
from auditor.stats import comparing, intervals
from auditor.types import Interval

Generator = np.random.Generator
Data = tuple[np.ndarray, list[str]]


def covers(interval: Interval, truth: float) -> bool:
    return interval.low - 1e-12 <= truth <= interval.high + 1e-12


def share_of(trials: int, happens: Callable[[], bool]) -> float:
    return sum(happens() for _ in range(trials)) / trials


def sizes_of(rng: Generator, n_clusters: int, size: int | str) -> np.ndarray:
    return rng.integers(1, 20, n_clusters) if size == "uneven" else np.full(n_clusters, size)


def clustered(rng: Generator, share: float, correlation: float, sizes: np.ndarray, prefix: str = "c") -> Data:
    """Zeros and ones: each cluster has a rate of its own, by a beta distribution with the given correlation."""
    spread = 1 / correlation - 1
    rates = rng.beta(share * spread, (1 - share) * spread, len(sizes)) if spread else rng.random(len(sizes)) < share
    values = (rng.random(sizes.sum()) < np.repeat(rates, sizes)).astype(float)
    return values, [f"{prefix}{number}" for number in np.repeat(np.arange(len(sizes)), sizes)]


def changes(rng: Generator, better: float, worse: float, correlation: float, sizes: np.ndarray) -> Data:
    """Differences of paired zeros and ones."""
    chances = np.array([better, worse, 1 - better - worse])
    each = rng.dirichlet(chances * (1 / correlation - 1), len(sizes)) if correlation else [chances] * len(sizes)
    of = np.repeat(each, sizes, axis=0)
    drawn = rng.random(sizes.sum())
    values = (drawn < of[:, 0]).astype(float) - ((of[:, 0] <= drawn) & (drawn < of[:, 0] + of[:, 1]))
    return values, [f"c{number}" for number in np.repeat(np.arange(len(sizes)), sizes)]


def naive_mean(values: np.ndarray) -> Interval:
    half = 1.96 * values.std() / math.sqrt(len(values))
    return Interval(low=values.mean() - half, high=values.mean() + half, level=0.95, method="naive")


@pytest.fixture
def fewer_draws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(intervals, "RESAMPLES", 250)
    monkeypatch.setattr(comparing, "FLIPS", 303)
    yield


@pytest.mark.parametrize(("share", "least"), [(0.02, 0.92), (0.5, 0.93), (0.98, 0.92)])
@pytest.mark.parametrize("n", [50, 200, 1000])
def test_wilson_covers_where_the_textbook_interval_does_not(n: int, share: float, least: float) -> None:
    """Exact, no simulation. Brown, Cai & DasGupta 2001: the textbook interval fails near 0 and 1 at any n."""
    chances = scipy_stats.binom.pmf(np.arange(n + 1), n, share)
    bounds = [stats.wilson(float(k), n) for k in range(n + 1)]
    wald = [1.96 * math.sqrt(k / n * (1 - k / n) / n) for k in range(n + 1)]
    assert sum(chance for chance, (low, high) in zip(chances, bounds, strict=True) if low <= share <= high) >= least
    covered = sum(chance for k, chance in enumerate(chances) if abs(k / n - share) <= wald[k])
    assert covered < 0.93 or share == 0.5 or n == 1000


def test_wilson_covers_on_average_what_it_claims() -> None:
    """Exact coverage, no simulation: Brown, Cai & DasGupta 2001 put the mean near 95 % and the worst above 0.83."""
    shares = np.linspace(0.005, 0.995, 199)
    for n in (10, 30, 100):
        successes = np.arange(n + 1)
        bounds = np.array([stats.wilson(float(k), n) for k in successes])
        inside = (bounds[:, :1] <= shares) & (shares <= bounds[:, 1:])
        coverage = (scipy_stats.binom.pmf(successes[:, None], n, shares) * inside).sum(axis=0)
        assert 0.945 < coverage.mean() < 0.965
        assert coverage.min() > 0.83


@pytest.mark.parametrize(("n", "m"), [(10, 10), (20, 100), (50, 50), (200, 30)])
def test_youdens_interval_covers_where_the_textbook_one_does_not(n: int, m: int) -> None:
    """Exact, no simulation. Shan 2015 finds the same of the textbook (Wald) interval: at 1 it is a point."""
    s, t = np.arange(n + 1)[:, None] / n, np.arange(m + 1)[None] / m
    found = [[stats.youden_interval(sens=(a, n), spec=(b, m)) for b in range(m + 1)] for a in range(n + 1)]
    low, high = (np.array([[getattr(cell, end) for cell in row] for row in found]) for end in ("low", "high"))
    half = 1.96 * np.sqrt(s * (1 - s) / n + t * (1 - t) / m)
    covered, wald = [], []
    for sensitivity in (0.5, 0.7, 0.9, 0.98, 1.0):
        for specificity in (0.5, 0.7, 0.9, 0.98, 1.0):
            chance = scipy_stats.binom.pmf(np.arange(n + 1), n, sensitivity)[:, None]
            chance = chance * scipy_stats.binom.pmf(np.arange(m + 1), m, specificity)[None]
            youden = sensitivity + specificity - 1
            covered.append(float(chance[(low - 1e-12 <= youden) & (youden <= high + 1e-12)].sum()))
            wald.append(float(chance[np.abs(s + t - 1 - youden) <= half + 1e-12].sum()))
    assert min(covered) >= 0.92
    assert 0.95 <= np.mean(covered) <= 0.965
    assert min(wald) < 0.7


@pytest.mark.slow
@pytest.mark.parametrize(("n_clusters", "least"), [(5, 0.84), (10, 0.87), (20, 0.89), (50, 0.88)])
@pytest.mark.parametrize("size", [4, "uneven"])
def test_clustered_wilson_covers_clustered_data_where_plain_wilson_does_not(
    n_clusters: int, least: float, size: int | str
) -> None:
    """Twelve kinds of data, 200 sets each. Five clusters that never differ inside are Wilson's interval of n = 5."""
    rng = np.random.default_rng([n_clusters, 1])
    found, plain = [], []
    for correlation in (0.1, 0.5, 1.0):
        for share in (0.02, 0.1, 0.5, 0.98):
            hits = np.zeros(2)
            for _ in range(200):
                values, clusters = clustered(rng, share, correlation, sizes_of(rng, n_clusters, size))
                low, high = stats.wilson(values.sum(), len(values))
                hits += [covers(stats.proportion_interval(values, clusters), share), low <= share <= high]
            found.append(hits[0] / 200)
            plain.append(hits[1] / 200)
    assert min(found) >= least, found
    assert np.mean(found) >= 0.945, found
    assert min(plain) < 0.8, plain


BOUNDED = [(20, 5, 0.5, 0.3), (20, "uneven", 0.2, 0.3), (40, 5, 0.2, 0.3), (40, "uneven", 0.05, 0.5)]


@pytest.mark.slow
@pytest.mark.usefixtures("fewer_draws")
@pytest.mark.parametrize(("n_clusters", "size", "share", "correlation"), BOUNDED)
def test_an_interval_of_a_bounded_mean_covers_clustered_data(
    n_clusters: int, size: int | str, share: float, correlation: float
) -> None:
    rng = np.random.default_rng([n_clusters, 2])
    hits = np.zeros(2)
    for _ in range(200):
        values, clusters = clustered(rng, share, correlation, sizes_of(rng, n_clusters, size))
        signed = 2 * values - 1
        interval = stats.bounded_mean_interval(signed, clusters, low=-1.0, high=1.0, rng=rng)
        hits += [covers(interval, 2 * share - 1), covers(naive_mean(signed), 2 * share - 1)]
    assert hits[0] / 200 >= 0.87
    assert hits[1] / 200 < 0.87


@pytest.mark.slow
@pytest.mark.usefixtures("fewer_draws")
@pytest.mark.parametrize(("n", "better", "worse"), [(15, 0.04, 0.02), (40, 0.04, 0.02), (100, 0.04, 0.02)])
def test_where_most_values_are_equal_the_interval_of_a_bounded_mean_stays_wide(
    n: int, better: float, worse: float
) -> None:
    """A plain bootstrap of the 15 covers 0.71: mostly it sees no change, or one."""
    rng = np.random.default_rng([n, 3])

    def hit() -> bool:
        values, clusters = changes(rng, better, worse, 0.0, np.ones(n, dtype=int))
        return covers(stats.bounded_mean_interval(values, clusters, low=-1.0, high=1.0, rng=rng), better - worse)

    assert share_of(200, hit) >= 0.94


APART = [(30, 5, 0.5, 0.3, 0.3), (30, 5, 0.1, 0.05, 0.3), (6, 10, 0.5, 0.3, 0.3), (60, 4, 0.03, 0.02, 0.5)]


@pytest.mark.slow
@pytest.mark.usefixtures("fewer_draws")
@pytest.mark.parametrize(("n_clusters", "size", "first", "second", "correlation"), APART)
def test_the_interval_of_a_difference_covers_it_where_sides_are_clustered(
    n_clusters: int, size: int, first: float, second: float, correlation: float
) -> None:
    rng = np.random.default_rng([n_clusters, 4])
    sizes, hits = np.full(n_clusters, size), np.zeros(2)
    for _ in range(200):
        one, of_one = clustered(rng, first, correlation, sizes)
        two, of_two = clustered(rng, second, correlation, sizes, prefix="d")
        half = 1.96 * math.sqrt((one.var() + two.var()) / len(one))
        naive = abs(one.mean() - two.mean() - first + second) <= half
        hits += [covers(stats.difference_interval(one, of_one, two, of_two, rng=rng), first - second), naive]
    assert hits[0] / 200 >= 0.9
    assert hits[1] / 200 < 0.89


@pytest.mark.slow
@pytest.mark.usefixtures("fewer_draws")
@pytest.mark.parametrize(
    ("n", "shares", "shift"), [(60, (0.5, 0.5), 0.0), (60, (0.97, 0.9), 0.2), (60, (0.05, 0.02), 0)]
)
def test_the_interval_of_a_difference_covers_it_where_clusters_are_pairs(
    n: int, shares: tuple[float, float], shift: float
) -> None:
    rng = np.random.default_rng(5)
    clusters = [f"c{number}" for number in range(n)]
    along = np.linspace(0, shift, 2001)
    expected = [np.clip(share - shift / 2 + along, 0, 1).mean() for share in shares]

    def hit() -> bool:
        common = rng.random(n) * shift
        first, second = ((rng.random(n) < share + common - shift / 2).astype(float) for share in shares)
        interval = stats.difference_interval(first, clusters, second, clusters, rng=rng)
        return covers(interval, expected[0] - expected[1])

    assert share_of(200, hit) >= 0.9


AREAS = [
    ("single", 15, 1, 0.0, 0.955),
    ("own", 15, 4, 0.5, 0.87),
    ("own", 40, 4, 0.5, 0.91),
    ("shared", 60, 9, 0.5, 0.92),
]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "n", "size", "correlation", "least"), AREAS)
@pytest.mark.parametrize("area", [0.5, 0.75, 0.9, 0.98])
def test_the_interval_of_auc_covers_it(
    kind: str, n: int, size: int, correlation: float, least: float, area: float
) -> None:
    """Normal scores; clusters hold one class, n of each, or both. Where they hold one, plain DeLong covers 0.8.

    The textbook interval θ ± 1.96·se, the scores being single, covers 0.7 at θ = 0.98, where it often is a point.
    """
    rng = np.random.default_rng([n, size, int(area * 100)])
    shift = scipy_stats.norm.ppf(area) * math.sqrt(2)
    hits = np.zeros(3)
    for _ in range(400):
        n_clusters = n if kind == "shared" else 2 * n
        of = np.repeat(np.arange(n_clusters), rng.integers(1, size + 1, n_clusters) if kind == "shared" else size)
        labels = rng.random(len(of)) < 0.5 if kind == "shared" else of < n
        common = rng.normal(0, math.sqrt(correlation), n_clusters)[of]
        scores = shift * labels + common + rng.normal(0, math.sqrt(1 - correlation), len(of))
        found = stats.auc_interval(scores, labels, [f"c{number}" for number in of])
        plain = stats.auc_interval(scores, labels, [str(number) for number in range(len(of))])
        value = stats.auc(scores, labels)
        wald = area if plain.method == "wilson-auc" else value  # a point at 1 misses
        hits += [covers(found, area), covers(plain, area), wald == value and covers(_wald(plain, value), area)]
    assert hits[0] / 400 >= least
    if kind == "own":
        assert hits[1] / 400 < 0.87
    if kind == "single" and area == 0.98:
        assert hits[2] / 400 < 0.8


def _wald(plain: Interval, value: float) -> Interval:
    """Return the textbook interval of the same standard error as a logit one over 15 samples a class."""
    logit = math.log(plain.high / (1 - plain.high)) - math.log(value / (1 - value))
    half = 1.96 / scipy_stats.t.ppf(0.975, 14) * logit * value * (1 - value)
    return Interval(low=value - half, high=value + half, level=0.95, method="wald")


@pytest.mark.slow
@pytest.mark.parametrize(("sensitivity", "specificity"), [(0.9, 0.9), (0.7, 0.95), (0.98, 0.6)])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.1, 0.3, 0.7, 0.98])
def test_a_corrected_rate_s_interval_covers_where_errors_taken_for_known_do_not(
    share: float, sensitivity: float, specificity: float
) -> None:
    """1,000 samples, errors measured over 60 texts of each class: the usual case, since labels are dear."""
    rng = np.random.default_rng([int(share * 100), int(sensitivity * 100)])
    rate = share * sensitivity + (1 - share) * (1 - specificity)
    hits = np.zeros(2)
    for _ in range(1000):
        x, a, b = rng.binomial(1000, rate), rng.binomial(60, sensitivity), rng.binomial(60, specificity)
        found = stats.corrected_rate_interval(x, 1000, sens=(a, 60), spec=(b, 60))
        assert found is not None
        low, high = (stats.rogan_gladen(end, a / 60, b / 60) for end in stats.wilson(x, 1000))
        hits += [covers(found, share), low <= share <= high]
    assert hits[0] / 1000 >= 0.93
    assert hits[1] / 1000 < 0.7


@pytest.mark.slow
def test_a_weak_scorer_s_corrected_rates_cover_where_there_are_any() -> None:
    """Sensitivity and specificity 0.65, 30 texts each: a third of the calibrations show nothing, and none is given."""
    rng = np.random.default_rng(7)
    rows = [(rng.binomial(50, 0.02 * 0.65 + 0.98 * 0.35), *rng.binomial(30, 0.65, 2)) for _ in range(1500)]
    found = [stats.corrected_rate_interval(x, 50, sens=(a, 30), spec=(b, 30)) for x, a, b in rows]
    given = [interval for interval in found if interval is not None]
    assert 0.6 < len(given) / len(found) < 0.72
    assert np.mean([covers(interval, 0.02) for interval in given]) >= 0.91


PAIRED = [
    (10, 1, 0.3, 0.3, 0.0, 0.90),
    (10, 5, 0.3, 0.3, 0.3, 0.97),
    (20, 5, 0.3, 0.1, 0.3, 0.92),
    (20, "uneven", 0.3, 0.3, 0.5, 0.89),
    (40, "uneven", 0.2, 0.05, 0.3, 0.9),
    (40, 5, 0.04, 0.02, 0.3, 0.96),
    (100, 1, 0.04, 0.02, 0.0, 0.955),
    (1000, 1, 0.01, 0.002, 0.0, 0.945),
    (5, 10, 0.3, 0.3, 0.3, 0.98),
    (15, 1, 0.04, 0.02, 0.0, 0.98),
]


@pytest.mark.slow
@pytest.mark.usefixtures("fewer_draws")
@pytest.mark.parametrize(("n_clusters", "size", "better", "worse", "correlation", "least"), PAIRED)
def test_the_interval_of_a_paired_difference_covers_it(
    n_clusters: int, size: int | str, better: float, worse: float, correlation: float, least: float
) -> None:
    rng = np.random.default_rng([n_clusters, 8])
    hits = np.zeros(2)
    for _ in range(400):
        values, clusters = changes(rng, better, worse, correlation, sizes_of(rng, n_clusters, size))
        _, interval, _ = stats.paired_difference(values, np.zeros(len(values)), clusters, rng=rng)
        hits += [covers(interval, better - worse), covers(naive_mean(values), better - worse)]
    assert hits[0] / 400 >= least
    if correlation or n_clusters == 15:
        assert hits[1] / 400 < 0.87


@pytest.mark.slow
@pytest.mark.usefixtures("fewer_draws")
@pytest.mark.parametrize(("n_clusters", "size", "most"), [(5, 10, 0.0), (10, 5, 0.06), (20, "uneven", 0.075)])
def test_the_sign_flip_test_errs_no_more_than_it_claims_where_single_samples_would(
    n_clusters: int, size: int | str, most: float
) -> None:
    """No difference, p ≤ 0.05. With five clusters it finds nothing at all; taken one by one, samples "differ" often."""
    rng = np.random.default_rng([n_clusters, 9])
    errors = np.zeros(2)
    for _ in range(600):
        values, clusters = changes(rng, 0.3, 0.3, 0.3, sizes_of(rng, n_clusters, size))
        _, _, p = stats.paired_difference(values, np.zeros(len(values)), clusters, rng=rng)
        single = stats.mcnemar_exact(int((values > 0).sum()), int((values < 0).sum()))
        errors += [p <= 0.05, single <= 0.05]
    assert errors[0] / 600 <= most
    assert errors[1] / 600 > 0.12


def test_mcnemars_exact_test_errs_no_more_than_it_claims_where_the_asymptotic_one_does() -> None:
    """Exact, no simulation: pairs that change, either way alike."""
    worst = {"exact": 0.0, "asymptotic": 0.0}
    for n in range(1, 60):
        chances = scipy_stats.binom.pmf(np.arange(n + 1), n, 0.5)
        exact = np.array([stats.mcnemar_exact(k, n - k) <= 0.05 for k in range(n + 1)])
        asymptotic = np.abs(2 * np.arange(n + 1) - n) / math.sqrt(n) >= 1.96
        worst["exact"] = max(worst["exact"], float(chances[exact].sum()))
        worst["asymptotic"] = max(worst["asymptotic"], float(chances[asymptotic].sum()))
    assert 0.03 < worst["exact"] <= 0.05
    assert worst["asymptotic"] > 0.06


@pytest.mark.slow
def test_holm_errs_in_at_most_one_family_in_twenty_where_single_tests_err_in_many() -> None:
    """Twenty tests, five of them of a true difference and the others not, half of these dependent on one another."""
    rng = np.random.default_rng(10)
    families, errors, found = 4000, np.zeros(2), 0
    for _ in range(families):
        z = rng.normal(size=20)
        z[5:12] = (z[5:12] + rng.normal()) / math.sqrt(2)
        z[:5] += 4
        p_values = list(2 * scipy_stats.norm.sf(np.abs(z)))
        adjusted = stats.holm(p_values)
        errors += [min(adjusted[5:]) <= 0.05, min(p_values[5:]) <= 0.05]
        found += sum(p <= 0.05 for p in adjusted[:5])
    assert 0.02 < errors[0] / families <= 0.055
    assert errors[1] / families > 0.4
    assert found / (5 * families) > 0.7


@pytest.mark.parametrize(("n", "p0"), [(200, 0.5), (500, 0.1), (1000, 0.05), (300, 0.8)])
def test_wilson_s_interval_finds_a_detectable_share_with_the_stated_power(n: int, p0: float) -> None:
    """Exact, no simulation: the share of outcomes whose interval leaves the stated value out. 0.8 but for its steps."""
    outside = [not low <= p0 <= high for low, high in (stats.wilson(float(k), n) for k in range(n + 1))]
    for share in stats.detectable_shares(n, p0=p0):
        assert share is not None
        power = float(scipy_stats.binom.pmf(np.arange(n + 1), n, share)[outside].sum())
        assert power == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize(("n", "m", "p"), [(200, 200, 0.5), (500, 200, 0.3), (400, 400, 0.9)])
def test_newcombes_interval_finds_a_detectable_gap_with_the_stated_power(n: int, m: int, p: float) -> None:
    """Exact, no simulation, by the interval that `difference_interval` falls back to; samples of their own."""
    one, two = (np.array([stats.wilson(float(k), size) for k in range(size + 1)]) for size in (n, m))
    first, second = np.arange(n + 1)[:, None] / n, np.arange(m + 1)[None] / m
    low = first - second - np.hypot(first - one[:, :1], two[:, 1][None] - second)
    high = first - second + np.hypot(one[:, 1:] - first, second - two[:, 0][None])
    for share in stats.detectable_gaps(n, m, p=p):
        assert share is not None
        chances = scipy_stats.binom.pmf(np.arange(n + 1), n, p)[:, None] * scipy_stats.binom.pmf(
            np.arange(m + 1), m, share
        )
        assert float(chances[(low > 0) | (high < 0)].sum()) == pytest.approx(0.8, abs=0.03)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "changed"), [(200, 0.3), (1000, 0.1), (1000, 0.004)])
def test_mcnemars_test_finds_a_detectable_change_with_nearly_the_stated_power(n: int, changed: float) -> None:
    """The exact test lacks up to 0.06 of it, the more the fewer pairs change."""
    rng = np.random.default_rng(11)
    change = stats.detectable_change(n, changed=changed)
    assert change is not None
    all_changes = max(changed, change)
    better, worse = (all_changes + change) / 2, (all_changes - change) / 2
    counts = rng.multinomial(n, [better, worse, 1 - better - worse], 3000)
    power = np.mean([stats.mcnemar_exact(int(b), int(c)) <= 0.05 for b, c, _ in counts])
    assert 0.73 <= power <= 0.83


@pytest.mark.slow
@pytest.mark.usefixtures("fewer_draws")
def test_the_sign_flip_test_finds_a_detectable_mean_with_the_stated_power() -> None:
    rng = np.random.default_rng(12)
    n = 60
    shift = stats.detectable_mean(0.2 / math.sqrt(n), n - 1)
    clusters = [f"c{number}" for number in range(n)]

    def found() -> bool:
        values = np.clip(rng.normal(shift, 0.2, n), -1, 1)
        return stats.paired_difference(values, np.zeros(n), clusters, rng=rng)[2] <= 0.05

    assert share_of(600, found) == pytest.approx(0.8, abs=0.05)


@pytest.mark.slow
@pytest.mark.usefixtures("fewer_draws")
@pytest.mark.parametrize(("n_clusters", "better"), [(20, 0.0), (60, 0.25)])
def test_a_paired_gap_is_covered_and_the_swap_test_errs_no_more_than_it_claims(n_clusters: int, better: float) -> None:
    """Two systems over two groups, answers of a cluster alike: their gaps differ by `better`, or do not."""
    rng = np.random.default_rng([n_clusters, 21])

    def gap(sums: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            return sums[..., 0] / sums[..., 2] - sums[..., 1] / sums[..., 3]

    hits = errors = 0
    for _ in range(300):
        clusters = np.repeat(np.arange(n_clusters), 4)
        second = np.tile([False, True], 2 * n_clusters)
        ease = np.repeat(rng.random(n_clusters), 4)
        chances = (0.25 + 0.5 * ease, 0.25 + 0.5 * ease + better * ~second)
        sides = [(rng.random(len(clusters)) < chance).astype(float) for chance in chances]
        one, two = (np.stack([side * ~second, side * second, ~second, second], axis=1) for side in sides)
        _, interval, p = stats.paired_sums(
            two.astype(float), one.astype(float), [f"c{number}" for number in clusters], gap, rng=rng
        )
        assert interval is not None
        hits += covers(interval, better)
        errors += p <= 0.05
    assert hits / 300 >= 0.92
    assert errors / 300 <= 0.08 if not better else errors / 300 > 0.4


@pytest.mark.slow
@pytest.mark.usefixtures("fewer_draws")
@pytest.mark.parametrize(("n_clusters", "size", "least"), [(10, 4, 0.88), (10, "uneven", 0.88), (40, 8, 0.89)])
def test_the_cluster_bootstrap_covers_clustered_data_where_one_of_rows_does_not(
    n_clusters: int, size: int | str, least: float
) -> None:
    """Normal values, a third of whose variance is their clusters'; the statistic is a ratio, their mean over rows."""
    rng = np.random.default_rng([n_clusters, 7])
    hits = np.zeros(2)
    for _ in range(400):
        sizes = sizes_of(rng, n_clusters, size)
        of = np.repeat(np.arange(n_clusters), sizes)
        values = rng.normal(0, math.sqrt(1 / 3), n_clusters)[of] + rng.normal(0, math.sqrt(2 / 3), len(of))
        for place, clusters in enumerate(([f"c{number}" for number in of], [str(row) for row in range(len(of))])):
            found = stats.cluster_bootstrap(clusters, lambda rows, v=values: float(v[rows].mean()), rng=rng)
            hits[place] += found is not None and covers(found, 0)
    assert hits[0] / 400 >= least
    assert hits[1] / 400 < hits[0] / 400 - 0.05
