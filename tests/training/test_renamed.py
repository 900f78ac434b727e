from __future__ import annotations

from training.example import Example
from training.renamed import renamed


def others(text: str, **more: str) -> tuple[str, ...]:
    content = {"source": "toxigen", "part": "train"} | more
    return renamed([Example(text=text, targets={}, cluster=text, **content)], 2)[0].others


def test_every_name_of_the_group_gives_way_to_one_other_group_in_its_form() -> None:
    found = others("jews say that a Jewish man is a Jew")
    assert len(set(found)) == 2
    for text in found:
        assert "jew" not in text.lower()
        assert text.startswith(text[: text.index(" say")].lower()), "what was written small stays so"


def test_the_rest_of_the_text_stays() -> None:
    assert all(text.endswith(" are welcome in our library") for text in others("Muslims are welcome in our library"))


def test_terms_kept_for_measuring_are_replaced_but_never_put_in() -> None:
    assert others("the chinese build bridges")
    texts = [text for number in range(200) for text in others(f"Mexicans {number}")]
    kept = ("chinese", "middle eastern", "deaf", "paralyzed", "sikh", "catholic", "canadian", "elderly", "bisexual")
    assert not [text for text in texts if any(term in text.lower() for term in kept)]


def test_texts_that_name_nobody_or_are_ours_or_measure_have_no_others() -> None:
    assert not others("the soup needs salt")
    assert not others("Jews pray", source="own: contempt")
    assert not others("Jews pray", part="test")
