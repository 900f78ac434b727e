"""An adapter is run on its base model: with the numbers of both, and never where it does not fit."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from auditor.errors import MissingPackageError, ModelError
from auditor.types import LoglikelihoodRequest

TEXTS = ("The cat sat on the mat.", "Yes, it is.")
ASKED = [LoglikelihoodRequest(context="", continuation=text) for text in TEXTS]


@pytest.fixture(scope="module")
def adapter(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA adapter of the tiny model with random weights."""
    peft = pytest.importorskip("peft", reason="an adapter is run through peft: pip install 'auditor[adapters]'")
    from transformers import AutoModelForCausalLM

    folder = tmp_path_factory.mktemp("adapter")
    how = peft.LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        peft.get_peft_model(AutoModelForCausalLM.from_pretrained(tiny_model), how).save_pretrained(folder)
    assert json.loads((folder / "adapter_config.json").read_text())["base_model_name_or_path"] == str(tiny_model)
    return folder


def nats(model: Any, tokenizer: Any) -> list[float]:
    """Return each text's log-likelihood by the model itself, token by token."""
    found = []
    for text in TEXTS:
        ids = torch.tensor([[tokenizer.bos_token_id, *tokenizer(text, add_special_tokens=False).input_ids]])
        with torch.no_grad():
            logs = model(ids).logits[0, :-1].log_softmax(-1)
        found.append(float(logs.gather(1, ids[0, 1:, None]).sum()))
    return found


def test_an_adapter_answers_as_peft_does(adapter: Path, tiny_model: Path, tiny_backend, open_folder, answer) -> None:  # type: ignore[no-untyped-def]
    import peft
    from transformers import AutoModelForCausalLM, AutoTokenizer

    whole = peft.PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny_model), adapter).eval()
    expected = nats(whole, AutoTokenizer.from_pretrained(tiny_model))
    found = [output.nats for output in answer(open_folder(adapter).loglikelihood, ASKED).values()]
    assert found == pytest.approx(expected, abs=1e-3)
    alone = [output.nats for output in answer(tiny_backend.loglikelihood, ASKED).values()]
    assert max(abs(a - b) for a, b in zip(found, alone, strict=True)) > 0.1


def test_an_adapter_that_lacks_weights_or_holds_others_is_refused(adapter: Path, tmp_path: Path, open_folder) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "adapter_config.json").write_bytes((adapter / "adapter_config.json").read_bytes())
    weights = load_file(adapter / "adapter_model.safetensors")
    name = next(iter(sorted(weights)))
    save_file({key: value for key, value in weights.items() if key != name}, tmp_path / "adapter_model.safetensors")
    with pytest.raises(ModelError, match="it lacks 1, and 0 are for none"):
        open_folder(tmp_path)
    strange = {name.replace("layers.0", "layers.9"): weights[name].clone()}
    save_file({**weights, **strange}, tmp_path / "adapter_model.safetensors")
    with pytest.raises(ModelError, match="it lacks 0, and 1 are for none"):
        open_folder(tmp_path)


def test_without_peft_an_adapter_says_what_to_install(
    tiny_model: Path, tmp_path: Path, open_folder, monkeypatch: pytest.MonkeyPatch
) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setitem(sys.modules, "peft", None)
    (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(tiny_model)}))
    save_file({"w": torch.zeros(1)}, tmp_path / "adapter_model.safetensors")
    with pytest.raises(MissingPackageError) as caught:
        open_folder(tmp_path)
    assert caught.value.hint == "pip install 'auditor[adapters]'"


@pytest.fixture
def both(adapter: Path, tiny_model: Path, tmp_path: Path) -> Path:
    """A folder with a whole model and an adapter of it."""
    folder = Path(shutil.copytree(tiny_model, tmp_path / "both"))
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        shutil.copy(adapter / name, folder / name)
    return folder


def test_an_adapter_beside_a_whole_model_is_put_onto_it(both: Path, adapter: Path, open_folder, answer) -> None:  # type: ignore[no-untyped-def]
    found = [
        [output.nats for output in answer(open_folder(one).loglikelihood, ASKED).values()] for one in (both, adapter)
    ]
    assert found[0] == pytest.approx(found[1], abs=1e-3)


def test_an_adapter_beside_a_whole_model_is_not_left_out_where_peft_is_missing(
    both: Path, open_folder, monkeypatch: pytest.MonkeyPatch
) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(MissingPackageError):
        open_folder(both)
