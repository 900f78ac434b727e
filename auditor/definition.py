"""What a probe.toml says: how to ask, how to score, and, for a benchmark, which data files hold the items."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from auditor.datafiles import DataFile, Layout
from auditor.hubdata import HubPlace
from auditor.mapping import Spec
from auditor.types import Json, Sampling


class Ask(Struct, frozen=True, kw_only=True):
    """How a sample becomes requests; see `requests.py`.

    `context` puts the prompt before each text of `pairs`; `masked` asks a masked model what two texts share. Each item
    is asked once in each of the `phrasings`, whose names the prompt template gets as `phrasing`, and in each of the
    `orders` of its options: `orders[k][i]` is the option, counted from 0, that stands at place i in the k-th order.
    """

    kind: Literal["pairs", "choice", "generation"]
    texts: tuple[str, ...] = ()
    context: bool = False
    masked: bool = False
    choices: tuple[str, ...] = ()
    choices_from: tuple[str, ...] = ()
    letters: bool = False
    rotate: bool = False
    orders: tuple[tuple[int, ...], ...] = ()
    variants: tuple[str, ...] = ("",)
    phrasings: tuple[str, ...] = ()
    chat: bool = False
    samples_per_prompt: int = 1
    max_new_tokens: int = 0
    min_new_tokens: int = 1
    temperature: float = 1.0
    top_p: float = 1.0

    @property
    def n_wordings(self) -> int:
        """Return in how many ways an item is asked, each a sample of its own: every phrasing in every order."""
        return max(1, len(self.phrasings)) * max(1, len(self.orders))

    @property
    def sampling(self) -> Sampling:
        """Return how a completion is drawn."""
        return Sampling(
            max_new_tokens=self.max_new_tokens,
            min_new_tokens=self.min_new_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
        )


class Data(Struct, frozen=True, kw_only=True):
    """A benchmark's data files, and how their rows become items; see `datafiles.py` and `mapping.py`.

    `origin` says where the files come from; `n_items` how many items they hold, 0 where that is not known. Rows that
    do not have the values in `where` are left out, and so are the items named in `leave_out`, each for its reason:
    rows that the published file itself has wrong. Where a column's other values are named in `elsewhere`, a row with a
    value in neither is a fault. `texts` are fields that are the same in every item.

    The rows may stand on the Hub, too: in a dataset `hub` at the commit `revision`, in its `config` and `split`;
    `rows_sha256` is the digest over them.
    """

    origin: str
    format: str
    fields: dict[str, Spec]
    files: tuple[DataFile, ...] = ()
    where: dict[str, str | tuple[str, ...]] = {}
    elsewhere: dict[str, str | tuple[str, ...]] = {}
    leave_out: dict[str, str] = {}
    texts: dict[str, str] = {}
    n_items: int = 0
    levels: tuple[str, ...] = ()
    hub: str = ""
    revision: str = ""
    config: str = ""
    split: str = ""
    rows_sha256: str = ""

    @property
    def place(self) -> HubPlace | None:
        """Return where the rows are on the Hub, None where the probe names no place there."""
        if not self.hub:
            return None
        return HubPlace(hub=self.hub, revision=self.revision, config=self.config, split=self.split)

    @property
    def pinned(self) -> bool:
        """Return whether every file's version is checked. Files that users bring themselves have no known digest."""
        return all(file.pinned for file in self.files)

    @property
    def layout(self) -> Layout:
        """Return how the files' rows are found."""
        return Layout(format=self.format, levels=self.levels)


def of_part(config: dict[str, Json], part: str) -> dict[str, Json]:
    """Return the configuration of one part: what it says itself in place of, and fields beside, what all parts have."""
    if not part:
        return config
    own = dict(table(table(table(config, "data"), "parts"), part))
    title = f"{config.get('title')}: {own.pop('title', part.replace('_', ' '))}"
    languages = own.pop("languages", config.get("languages"))
    ask = {**table(config, "ask"), **table(own, "ask")}
    score = {**table(config, "score"), **table(own, "score")}
    fields = {**table(table(config, "data"), "fields"), **table(own, "fields")}
    rest = {key: value for key, value in own.items() if key not in {"ask", "score", "fields"}}
    data = {**{key: value for key, value in config["data"].items() if key != "parts"}, **rest, "fields": fields}
    return {**config, "title": title, "languages": languages, "ask": ask, "score": score, "data": data}


def table(of: dict[str, Json], key: str) -> dict[str, Json]:
    """Return what stands under a key, an empty table where that is none."""
    found = of.get(key)
    return found if isinstance(found, dict) else {}
