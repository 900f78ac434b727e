"""Scored samples for tests of scorers."""

from __future__ import annotations

import pytest

from auditor.types import Reason, Sample, Score, ScoredSample, Unscored


def make_sample(number: int = 0, *, cluster: str = "", **fields: object) -> Sample:
    """Return a sample; it is its own cluster unless one is named."""
    return Sample(id=f"s{number}", cluster=cluster or f"s{number}", slices={}, fields=dict(fields))


def make_row(sample: Sample, score: Score | Unscored | None) -> ScoredSample:
    """Return a scored sample; None stands for an unscored one."""
    return ScoredSample(sample=sample, score=score or Unscored(reason=Reason.TOO_LONG))


@pytest.fixture(scope="session")
def sample_maker():  # type: ignore[no-untyped-def]
    """Return `make_sample`."""
    return make_sample


@pytest.fixture(scope="session")
def row_maker():  # type: ignore[no-untyped-def]
    """Return `make_row`."""
    return make_row
