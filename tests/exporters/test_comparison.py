from __future__ import annotations

from auditor.exporters.comparison import console, markdown, summary
from auditor.types import Compared, ComparedRecord, Comparison, Interval, MetricKey, NotCompared, ScorerRef


def named(model: str, **changes: object) -> ComparedRecord:
    given: dict[str, object] = {
        "digest": "d" * 64,
        "model": model,
        "weights_digest": "e" * 64,
        "auditor_version": "1.0",
        "code_digest": "f" * 64,
        "seed": 0,
        "limit": None,
        "backend": "hf 1",
        "device": "cpu",
        "dtype": "float32",
    }
    return ComparedRecord(**{**given, **changes})  # type: ignore[arg-type]


def row(direction: str = "farther", **changes: object) -> Compared:
    given: dict[str, object] = {
        "probe": "bias/x",
        "key": MetricKey(name="rate", unit="share", low=0.0, high=1.0, ideal=0.0),
        "scorer": ScorerRef(name="s", version="1"),
        "data_digest": "a" * 64,
        "baseline": 0.25,
        "candidate": 0.5,
        "difference": 0.25,
        "interval": Interval(low=0.125, high=0.375, level=0.95, method="m"),
        "n": 40,
        "n_clusters": 40,
        "n_unscored": (0, 1),
        "n_unpaired": 2,
        "test": "sign-flip",
        "p": 0.00001,
        "p_side": None,
        "p_holm": 0.02,
        "detectable": None,
        "direction": direction,
    }
    return Compared(**{**given, **changes})  # type: ignore[arg-type]


def made(*rows: Compared, **changes: object) -> Comparison:
    given: dict[str, object] = {
        "schema": "auditor:comparison/1",
        "level": 0.95,
        "baseline": named("old"),
        "candidate": named("new|<b>\x1b[31m", limit=40),
        "compared": rows,
        "not_compared": (NotCompared(probe="bias/y", metric="z", reason="other data: 1 and 2"),),
    }
    return Comparison(**{**given, **changes})  # type: ignore[arg-type]


def test_a_line_shows_values_denominators_and_both_p() -> None:
    text = console(made(row()))
    line = next(line for line in text.splitlines() if line.startswith("bias/x:rate"))
    assert line.split("  ")[0] == "bias/x:rate"
    for part in ("0.250", "0.500", "+0.250 [+0.125, +0.375]", "40 (+2 unpaired)", "0/1", "<0.0001", "0.0200", "none"):
        assert part in line
    assert "not compared  bias/y:z: other data: 1 and 2" in text
    assert "the runs also differ in: limit none and 40" in text and "at most 40 samples" in text


def test_hostile_names_are_escaped_in_markdown_and_stripped_on_a_terminal() -> None:
    text = markdown(made(row()))
    assert "<b>" not in text and "new\\|&lt;b&gt;" in text and "\x1b" not in text
    assert "\x1b" not in console(made(row()))
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == 3 and len({line.replace("\\|", "").count("|") for line in table}) == 1


def test_the_summary_counts_directions_and_names_what_the_candidate_lost() -> None:
    found = made(row(), row("nearer"), row("not told apart", n_unscored=(0, 20)))
    assert summary(found) == (
        "3 metrics compared: 1 farther from the ideal, 1 nearer, 1 not told apart (Holm, level 0.95); "
        "the candidate has no value, or far fewer scores, for bias/x:rate"
    )
    assert found.exit_code == 10
    assert made(row("not told apart", n_unscored=(0, 20))).exit_code == 11
    assert made(row("nearer")).exit_code == 0
    assert (summary(made()), made().exit_code) == ("nothing could be compared", 11)
    lost = NotCompared(probe="bias/y", metric="z", reason="undefined in the candidate", lost=True)
    assert made(row("nearer"), not_compared=(lost,)).exit_code == 11
