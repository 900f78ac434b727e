"""The planner: nothing is lost, nothing is asked twice, no pack is fuller than allowed."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from auditor.engine.plan import Encoded, Prompt, Row, pack_prompts, pack_rows, plan_rows
from auditor.types import Sampling


@st.composite
def encoded_requests(draw: st.DrawFn) -> list[Encoded]:
    """Requests over three tokens, so that prefixes and duplicates are common."""
    texts = draw(st.lists(st.lists(st.integers(0, 2), min_size=2, max_size=8), max_size=30))
    return [
        Encoded(number=number, ids=tuple(ids), n_context=draw(st.integers(1, len(ids) - 1)))
        for number, ids in enumerate(texts)
    ]


@given(encoded_requests())
def test_every_request_is_one_target_with_its_own_tokens(requests: list[Encoded]) -> None:
    by_number = {request.number: request for request in requests}
    targets = [(row, target) for row in plan_rows(requests) for target in row.targets]
    assert sorted(target.number for _, target in targets) == sorted(by_number)
    for row, target in targets:
        request = by_number[target.number]
        assert target.continuation == request.ids[request.n_context :]
        assert target.start == request.n_context - 1
        fed = len(request.ids) - 1
        assert row.ids[:fed] == request.ids[:-1]


@given(encoded_requests())
def test_no_row_is_the_beginning_of_another(requests: list[Encoded]) -> None:
    rows = plan_rows(requests)
    for one in rows:
        for other in rows:
            assert one is other or one.ids != other.ids[: len(one.ids)]
    assert all(len(one.ids) >= len(other.ids) for one, other in pairwise(rows))


@given(encoded_requests(), st.randoms(use_true_random=False))
def test_the_order_of_requests_does_not_change_the_rows(requests: list[Encoded], random) -> None:  # type: ignore[no-untyped-def]
    shuffled = list(requests)
    random.shuffle(shuffled)
    assert plan_rows(shuffled) == plan_rows(requests)


@given(encoded_requests(), st.integers(1, 40))
def test_a_pack_of_rows_keeps_its_budget_unless_it_is_one_row(requests: list[Encoded], max_tokens: int) -> None:
    rows = plan_rows(requests)
    packs = list(pack_rows(rows, max_tokens=max_tokens))
    assert [row for pack in packs for row in pack] == rows
    for pack in packs:
        assert len(pack) == 1 or len(pack) * max(len(row.ids) for row in pack) <= max_tokens
    for pack, following in pairwise(packs):
        assert (len(pack) + 1) * len(pack[0].ids) > max_tokens, "the next row had room"
        assert following


def test_continuations_that_differ_in_the_last_token_share_a_row() -> None:
    rows = plan_rows([Encoded(number=n, ids=(5, 6, 7 + n), n_context=2) for n in range(3)])
    assert [row.ids for row in rows] == [(5, 6)]
    assert {target.number: target.continuation for target in rows[0].targets} == {0: (7,), 1: (8,), 2: (9,)}


def test_no_rows_make_no_packs() -> None:
    assert plan_rows([]) == []
    assert list(pack_rows(list[Row](), max_tokens=1)) == []
    assert list(pack_prompts([], max_draws=1)) == []


@st.composite
def some_prompts(draw: st.DrawFn) -> list[Prompt]:
    samplings = [Sampling(max_new_tokens=4), Sampling(max_new_tokens=4, temperature=0.5), Sampling(max_new_tokens=8)]
    shapes = draw(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 5), st.sampled_from(samplings)), max_size=20))
    found, first = [], 0
    for length, count, sampling in shapes:
        draws = tuple((number, number) for number in range(first, first + count))
        found.append(Prompt(ids=(first,) * length, draws=draws, sampling=sampling))
        first += count
    return found


@given(some_prompts(), st.integers(1, 8))
def test_every_prompt_is_in_one_pack_of_its_sampling(prompts: list[Prompt], max_rows: int) -> None:
    packs = list(pack_prompts(prompts, max_draws=max_rows))
    packed = [prompt for pack in packs for prompt in pack]
    assert sorted(packed, key=lambda p: p.draws) == sorted(prompts, key=lambda p: p.draws)
    for pack in packs:
        assert len({prompt.sampling for prompt in pack}) == 1
        assert len(pack) == 1 or sum(len(prompt.draws) for prompt in pack) <= max_rows
        assert all(len(one.ids) >= len(other.ids) for one, other in pairwise(pack))


@given(some_prompts(), st.randoms(use_true_random=False))
def test_the_order_of_prompts_does_not_change_the_packs(prompts: list[Prompt], random) -> None:  # type: ignore[no-untyped-def]
    shuffled = list(prompts)
    random.shuffle(shuffled)
    assert list(pack_prompts(shuffled, max_draws=5)) == list(pack_prompts(prompts, max_draws=5))
