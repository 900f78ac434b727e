"""What a README's front matter and a licence file say: what the publisher declared on the Hub."""

from __future__ import annotations

import re
from collections.abc import Iterator

from auditor.provenance.licence_texts import recognise
from auditor.provenance.licences import own_licence
from auditor.provenance.lineage_files import public_name
from auditor.provenance.reading import Claim, ModelFolder
from auditor.types import Json

README = "README.md"
_PLAIN = {
    "license": "model.license",
    "license_link": "distribution.license_link",
    "language": "model.languages",
    "base_model": "model.base_model",
    "base_model_relation": "model.base_model_relation",
    "datasets": "training.datasets",
    "library_name": "model.library",
    "pipeline_tag": "model.pipeline_tag",
    "new_version": "model.new_version",
}
_LICENCE_FILE = re.compile(r"(LICEN[CS]E|COPYING)([._-].*)?", re.IGNORECASE)
_OF_CODE = re.compile(r"[._-]code\b", re.IGNORECASE)
_POLICY_FILE = re.compile(r"(USE_POLICY|ACCEPTABLE_USE_POLICY)(\..*)?", re.IGNORECASE)
_GRAMS_A_TONNE = 1e6


def claims(folder: ModelFolder) -> Iterator[Claim]:
    """Yield what the front matter and the files of licence and use policy say."""
    front = folder.front_matter(README)
    for key, value in _front(front):
        yield Claim(key=key, value=value, source=f"front matter of {README}", file=README)
    yield from _licence(folder)
    for name in filter(_POLICY_FILE.fullmatch, folder.names):
        yield Claim(key="distribution.acceptable_use_policy", value=f"the file {name}", source=name, file=name)


def _front(front: dict[str, Json]) -> Iterator[tuple[str, Json]]:
    bases = _public(front.get("base_model"))
    several = isinstance(bases, list) and len(bases) > 1
    told = {
        "base_model": bases,
        "datasets": _public(front.get("datasets")),
        "language": languages(front.get("language")),
    }
    if front.get("license") == "other" and isinstance(front.get("license_name"), str):
        told["license"] = own_licence(front["license_name"])
    for name, key in _PLAIN.items():
        if name in front and not (several and name == "base_model"):
            yield key, told.get(name, front[name])
    if isinstance(bases, list) and several and all(isinstance(base, str) for base in bases):
        relation = {"relation": front["base_model_relation"]} if "base_model_relation" in front else {}
        yield "model.dependencies", [{"name": base, **relation} for base in bases]
    if front.get("gated") or any(str(name).startswith("extra_gated") for name in front):
        yield "distribution.gating", "users must agree to conditions on the Hub before they get the files"
    yield from _footprint(front.get("co2_eq_emissions"))


def _public(names: Json) -> Json:
    """Return what may be names of models or datasets without anybody's paths."""
    if isinstance(names, list):
        return [_public(name) for name in names]
    return public_name(names) if isinstance(names, str) else names


def languages(told: Json) -> Json:
    """Return the languages with Norwegian by its code: an unquoted `no` is false to a reader of YAML 1.1."""
    if isinstance(told, list):
        return ["no" if code is False else code for code in told]
    return "no" if told is False else told


def _footprint(told: Json) -> Iterator[tuple[str, Json]]:
    """Yield emissions, which the Hub takes in grams, in tonnes; how they were found; the hardware."""
    table = told if isinstance(told, dict) else {"emissions": told}
    grams = table.get("emissions")
    if isinstance(grams, int | float) and not isinstance(grams, bool):
        yield "compute.carbon_tonnes", grams / _GRAMS_A_TONNE
    words = [f"{name.replace('_', ' ')}: {table[name]}" for name in _METHOD if isinstance(table.get(name), str)]
    if words:
        yield "compute.carbon_methodology", "; ".join(words)
    yield "training.hardware", table.get("hardware_used")


_METHOD = ("source", "training_type", "geographical_location")


def _licence(folder: ModelFolder) -> Iterator[Claim]:
    """Yield the licence file with its digest; the licence itself where the text or its title is a known one."""
    for name in filter(_LICENCE_FILE.fullmatch, folder.names):
        text = folder.text(name)
        if not text or not text.strip():
            continue
        found = recognise(text)
        told = "not recognised" if not found else f"{found.id} by its {'text' if found.whole else 'title'}"
        sha256 = folder.digest(name).sha256
        yield Claim(key="files.license_file", value=f"{name}, sha256 {sha256}: {told}", source=name, file=name)
        if found and not _OF_CODE.search(name):
            how = "its text is the published one" if found.whole else "by its title; the text was not compared"
            yield Claim(key="model.license", value=found.id, source=f"{name}, {how}", file=name)
