"""garak: completions through its `huggingface.Model` generator, a prompt at a time as its probes ask for them."""

from __future__ import annotations

from typing import Any

from protocol import Pass, serve


def _open(job: dict[str, Any]) -> Pass:
    from garak import _config
    from garak.attempt import Conversation, Message, Turn
    from garak.generators.huggingface import Model

    settings = {
        "max_tokens": job["tokens"],
        "temperature": 1.0,
        "top_k": None,
        "use_chat": False,
        "deprefix_prompt": False,
        "hf_args": {
            "device": "cpu",
            "torch_dtype": "float32",
            "do_sample": True,
            "min_new_tokens": job["tokens"],
            "top_k": 0,
        },
    }
    _config.load_base_config()
    generator = Model(job["model"], config_root={"generators": {"huggingface": {"Model": settings}}})

    drawn = 0
    generate = generator.model.generate

    def counted(**asked: Any) -> Any:
        nonlocal drawn
        found = generate(**asked)
        drawn += found.shape[0] * (found.shape[1] - asked["input_ids"].shape[1])
        return found

    generator.model.generate = counted

    def one_pass(part: slice) -> dict[str, Any]:
        before = drawn
        for prompt in job["prompts"][part]:
            generator.generate(Conversation([Turn("user", Message(prompt))]), generations_this_call=job["samples"])
        return {"tokens": drawn - before}

    return one_pass


if __name__ == "__main__":
    serve(_open)
