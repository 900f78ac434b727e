"""What the transformers backend answers: the same whatever the batch, the order and what is done already."""

from __future__ import annotations

import gc
import random
import tracemalloc
from collections.abc import Sequence

import pytest
import torch

from auditor.backends import hf_encode
from auditor.errors import ModelError
from auditor.types import (
    Completion,
    GenerateRequest,
    Loglikelihood,
    LoglikelihoodRequest,
    Reason,
    Sampling,
    Unscored,
)

SAMPLED = Sampling(max_new_tokens=12, temperature=0.9, top_p=0.95)
GREEDY = Sampling(max_new_tokens=6, temperature=0)


def scoring() -> list[LoglikelihoodRequest]:
    texts = [f"The cat number {n} sat{' and sat' * (n % 5)}." for n in range(12)]
    asked = [LoglikelihoodRequest(context="", continuation=text) for text in texts]
    asked += [LoglikelihoodRequest(context="A question? Answer:", continuation=f" {letter}") for letter in "ABCD"]
    return [*asked, asked[0]]


def writing() -> list[GenerateRequest]:
    return [
        GenerateRequest(prompt="Once" + " more" * (n % 4), chat=bool(n % 2), sampling=how, seed=100 + n)
        for n in range(12)
        for how in (SAMPLED, GREEDY)
    ]


@pytest.mark.parametrize("batch_tokens", [1, 100])
def test_batch_size_does_not_change_a_loglikelihood(tiny_model, tiny_backend, open_folder, answer, batch_tokens):  # type: ignore[no-untyped-def]
    expected = answer(tiny_backend.loglikelihood, scoring())
    found = answer(open_folder(tiny_model, batch_tokens=batch_tokens).loglikelihood, scoring())
    for number, output in expected.items():
        assert found[number].nats == pytest.approx(output.nats, abs=1e-4)
        assert found[number].n_tokens == output.n_tokens


@pytest.mark.parametrize("batch_rows", [1, 5])
def test_batch_size_does_not_change_a_completion(tiny_model, tiny_backend, open_folder, answer, batch_rows):  # type: ignore[no-untyped-def]
    expected = answer(tiny_backend.generate, writing())
    assert answer(open_folder(tiny_model, batch_rows=batch_rows).generate, writing()) == expected


def test_batch_mates_do_not_change_a_completion(tiny_backend, answer):  # type: ignore[no-untyped-def]
    together = answer(tiny_backend.generate, writing())
    assert len({output.text for output in together.values()}) > 6
    for number, request in enumerate(writing()):
        assert answer(tiny_backend.generate, [request])[0] == together[number]


def test_scoring_and_drawing_leave_each_others_numbers_alone(tiny_model, open_folder, monkeypatch, answer):  # type: ignore[no-untyped-def]
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    backend = open_folder(tiny_model)
    scores, draws = answer(backend.loglikelihood, scoring()), answer(backend.generate, writing())
    assert answer(backend.loglikelihood, scoring()) == scores
    assert answer(backend.generate, writing()) == draws


def test_the_order_of_requests_does_not_change_the_answers(tiny_backend, answer):  # type: ignore[no-untyped-def]
    for method, asked in ((tiny_backend.loglikelihood, scoring()), (tiny_backend.generate, writing())):
        expected = answer(method, asked)
        order = list(range(len(asked)))
        random.Random(0).shuffle(order)
        found = answer(method, [asked[number] for number in order])
        assert {order[place]: output for place, output in found.items()} == expected


def test_seeds_alone_make_completions_of_one_prompt_differ(tiny_backend, answer):  # type: ignore[no-untyped-def]
    asked = [GenerateRequest(prompt="Once", chat=False, sampling=SAMPLED, seed=seed) for seed in (1, 2, 1)]
    found = answer(tiny_backend.generate, asked)
    assert found[0] == found[2]
    assert found[0] != found[1]


def test_a_pack_is_computed_again_unless_all_of_it_is_done(tiny_model, open_folder):  # type: ignore[no-untyped-def]
    backend = open_folder(tiny_model, batch_tokens=120)
    packs = list(backend.loglikelihood(scoring(), done=set()))
    assert len(packs) > 2
    partly = {min(packs[1])} | set(packs[0])
    assert list(backend.loglikelihood(scoring(), done=partly)) == packs[1:]
    assert list(backend.loglikelihood(scoring(), done=set(range(len(scoring()))))) == []


def test_completions_that_were_cut_off_come_again_as_they_were(tiny_model, open_folder, answer):  # type: ignore[no-untyped-def]
    backend = open_folder(tiny_model, batch_rows=2)  # so that a pack is smaller than what is asked
    whole = answer(backend.generate, writing())
    parts = list(backend.generate(writing(), done=set()))
    assert len(parts) > 4
    done = {number for part in parts[: len(parts) // 2] for number in part}
    again = {number: out for part in backend.generate(writing(), done=done) for number, out in part.items()}
    assert len(again) < len(whole), "a whole pack was done"
    assert {**again, **{number: whole[number] for number in done}} == whole
    assert list(backend.generate(writing(), done=set(whole))) == []


def test_requests_planned_window_by_window_have_the_same_answers(tiny_backend, answer, monkeypatch):  # type: ignore[no-untyped-def]
    asked = [*scoring(), LoglikelihoodRequest(context="", continuation="")]
    expected = answer(tiny_backend.loglikelihood, asked), answer(tiny_backend.generate, writing())
    monkeypatch.setattr(hf_encode, "_PLANNED_TOGETHER", 5)
    found = answer(tiny_backend.loglikelihood, asked), answer(tiny_backend.generate, writing())
    assert found[1] == expected[1]
    assert [getattr(found[0][n], "nats", None) for n in range(len(asked))] == pytest.approx(
        [getattr(expected[0][n], "nats", None) for n in range(len(asked))], abs=1e-4
    )
    done = set(range(5, len(asked)))
    assert {number for pack in tiny_backend.loglikelihood(asked, done=done) for number in pack} == set(range(5))


class Endless(Sequence[LoglikelihoodRequest]):
    """Requests that are made when they are asked for."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number):  # type: ignore[no-untyped-def]
        if number % 500 == 0:
            gc.collect()  # what is still reachable counts, not when the collector last ran
        return LoglikelihoodRequest(context=f"Question {number:06} of many?", continuation=f" Answer {number % 7}.")


@pytest.mark.slow
def test_ten_times_as_many_requests_need_no_more_memory(tiny_backend, monkeypatch):  # type: ignore[no-untyped-def]
    monkeypatch.setattr(hf_encode, "_PLANNED_TOGETHER", 1000)
    peaks = []
    for count in (2000, 20_000):
        tracemalloc.start()
        assert sum(len(pack) for pack in tiny_backend.loglikelihood(Endless(count), done=set())) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


def test_refusals_are_not_repeated_when_done(tiny_backend):  # type: ignore[no-untyped-def]
    asked = [LoglikelihoodRequest(context="", continuation="")]
    assert len(list(tiny_backend.loglikelihood(asked, done=set()))) == 1
    assert list(tiny_backend.loglikelihood(asked, done={0})) == []


def test_nothing_asked_is_nothing_answered(tiny_backend):  # type: ignore[no-untyped-def]
    assert list(tiny_backend.loglikelihood([], done=set())) == []
    assert list(tiny_backend.generate([], done=set())) == []


def test_a_text_up_to_the_context_length_is_scored_and_a_longer_one_is_not(tiny_backend, answer):  # type: ignore[no-untyped-def]
    # One byte, one token; the start token is fed, the last token is not: 512 bytes fill 512 places.
    asked = [LoglikelihoodRequest(context="", continuation="x" * n) for n in (512, 513)]
    found = answer(tiny_backend.loglikelihood, asked)
    assert isinstance(found[0], Loglikelihood)
    assert found[1] == Unscored(reason=Reason.TOO_LONG, detail="513 tokens, context length 512")


def test_a_prompt_needs_room_for_its_completion(tiny_backend, answer):  # type: ignore[no-untyped-def]
    asked = [GenerateRequest(prompt="x" * n, chat=False, sampling=GREEDY, seed=0) for n in (506, 507)]
    found = answer(tiny_backend.generate, asked)
    assert isinstance(found[0], Completion)
    assert found[1] == Unscored(reason=Reason.TOO_LONG, detail="513 tokens, context length 512")


@pytest.mark.parametrize("context", ["", "Before"])
def test_a_continuation_without_tokens_is_unscored(tiny_backend, answer, context):  # type: ignore[no-untyped-def]
    found = answer(tiny_backend.loglikelihood, [LoglikelihoodRequest(context=context, continuation="")])
    assert found[0] == Unscored(reason=Reason.EMPTY_CONTINUATION, detail="the continuation has no token")


@pytest.mark.parametrize("space", ["  ", "\n\n", " \t"])
def test_space_at_the_end_of_a_context_belongs_to_the_continuation(tiny_backend, answer, space):  # type: ignore[no-untyped-def]
    asked = [
        LoglikelihoodRequest(context=f"A:{space}", continuation="B"),
        LoglikelihoodRequest(context="A:", continuation=f"{space}B"),
    ]
    found = answer(tiny_backend.loglikelihood, asked)
    assert found[0] == found[1]
    assert found[0].n_tokens == 3


def test_a_context_without_a_token_is_the_start_of_a_text(tmp_path, model_maker, open_folder, answer):  # type: ignore[no-untyped-def]
    from tokenizers import Tokenizer, normalizers

    folder = model_maker(tmp_path)
    path = str(folder / "tokenizer.json")
    tokenizer = Tokenizer.from_file(path)
    tokenizer.normalizer = normalizers.Replace("\u200b", "")
    tokenizer.save(path)
    asked = [LoglikelihoodRequest(context=context, continuation="Yes.") for context in ("", "\u200b", "\u200b\u200b ")]
    found = answer(open_folder(folder).loglikelihood, asked)
    assert found[0] == found[1]
    assert (found[0].n_tokens, found[2].n_tokens) == (4, 5)


def test_an_empty_prompt_starts_a_text(tiny_backend, answer):  # type: ignore[no-untyped-def]
    asked = [GenerateRequest(prompt=text, chat=False, sampling=GREEDY, seed=0) for text in ("", "<s>")]
    found = answer(tiny_backend.generate, asked)
    assert found[0] == found[1]


def test_logits_that_break_for_some_inputs_leave_those_unscored(tiny_model, open_folder, answer):  # type: ignore[no-untyped-def]
    backend = open_folder(tiny_model)
    bad = backend._tokenizer("Z").input_ids[0]
    backend._forward._model.get_input_embeddings().weight.data[bad] = torch.nan
    scored = answer(
        backend.loglikelihood, [LoglikelihoodRequest(context="", continuation=text) for text in ("aZb", "acb", "aZ")]
    )
    assert [type(scored[n]) for n in range(3)] == [Unscored, Loglikelihood, Loglikelihood]
    assert scored[0].reason == Reason.NON_FINITE
    assert scored[0].detail
    written = answer(
        backend.generate, [GenerateRequest(prompt=text, chat=False, sampling=GREEDY, seed=0) for text in ("Zb", "ab")]
    )
    assert written[0] == Unscored(reason=Reason.NON_FINITE, detail="logits not finite after 0 tokens")
    assert isinstance(written[1], Completion)


def test_a_conversation_is_written_by_the_chat_template(tiny_backend):  # type: ignore[no-untyped-def]
    text = tiny_backend.render_chat([{"role": "user", "content": "Hello"}])
    assert text == "<|user|>Hello\n<|assistant|>"


def test_a_template_that_tells_the_time_tells_the_same_time_through_a_run(tmp_path, model_maker, open_folder):  # type: ignore[no-untyped-def]
    folder = model_maker(tmp_path)
    (folder / "chat_template.jinja").write_text("{{ strftime_now('%Y %H:%M:%S.%f') }}", encoding="utf-8")
    backend = open_folder(folder)
    first, second = (backend.render_chat([{"role": "user", "content": "Hello"}]) for _ in range(2))
    assert first == second
    assert first.startswith("20")


def test_a_template_that_draws_at_random_draws_the_same_each_time(tmp_path, model_maker, open_folder):  # type: ignore[no-untyped-def]
    folder = model_maker(tmp_path)
    drawing = "{{ range(100000) | list | random }} {{ lipsum(n=1, html=False) }}"
    (folder / "chat_template.jinja").write_text(drawing, encoding="utf-8")
    backend = open_folder(folder)
    before = random.getstate()
    first, second = (backend.render_chat([{"role": "user", "content": "Hello"}]) for _ in range(2))
    assert first == second and random.getstate() == before


def test_without_a_chat_template_a_conversation_is_an_error(tmp_path, model_maker, open_folder):  # type: ignore[no-untyped-def]
    backend = open_folder(model_maker(tmp_path, chat=False))
    assert backend.info.chat_template_digest == ""
    with pytest.raises(ModelError, match="has no chat template"):
        backend.render_chat([{"role": "user", "content": "Hello"}])


def test_a_chat_template_that_fails_is_an_error(tmp_path, model_maker, open_folder):  # type: ignore[no-untyped-def]
    folder = model_maker(tmp_path)
    (folder / "chat_template.jinja").write_text("{{ raise_exception('no system role') }}", encoding="utf-8")
    with pytest.raises(ModelError, match="no system role"):
        open_folder(folder).render_chat([{"role": "system", "content": "Hello"}])
