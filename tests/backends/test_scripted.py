"""The scripted backend keeps the contract that real ones keep."""

from __future__ import annotations

from auditor.backends.scripted import ScriptedBackend
from auditor.types import Completion, GenerateRequest, Loglikelihood, LoglikelihoodRequest, Sampling

ASKED = [LoglikelihoodRequest(context="", continuation="x" * n) for n in range(1, 8)]


def test_each_request_is_answered_by_the_function_of_it() -> None:
    backend = ScriptedBackend(nats=lambda request: -float(len(request.continuation)), pack=3)
    packs = list(backend.loglikelihood(ASKED, done=set()))
    assert [sorted(pack) for pack in packs] == [[0, 1, 2], [3, 4, 5], [6]]
    found = {number: output for pack in packs for number, output in pack.items()}
    assert found == {n: Loglikelihood(nats=-float(n + 1), n_tokens=1) for n in range(7)}


def test_words_become_completions() -> None:
    request = GenerateRequest(prompt="Hello", chat=False, sampling=Sampling(max_new_tokens=5), seed=1)
    backend = ScriptedBackend(words=lambda request: f"{request.prompt} to you")
    assert list(backend.generate([request], done=set())) == [
        {0: Completion(text="Hello to you", n_tokens=3, finish="stop")}
    ]


def test_a_pack_comes_again_unless_all_of_it_is_done() -> None:
    backend = ScriptedBackend(pack=3)
    assert [sorted(pack) for pack in backend.loglikelihood(ASKED, done={0, 1, 2, 4})] == [[3, 4, 5], [6]]
    assert list(backend.loglikelihood(ASKED, done=set(range(7)))) == []


def test_a_conversation_ends_where_the_assistant_begins() -> None:
    text = ScriptedBackend().render_chat([{"role": "user", "content": "Hi"}])
    assert text == "user: Hi\nassistant: "
