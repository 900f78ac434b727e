"""Dependencies point down only; heavy libraries are imported only where a backend or scorer is opened."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "auditor"
BASE = {"types", "errors"}
ALLOWED = {
    "types": set(),
    "errors": set(),
    "resources": set(),
    "gguf_file": set(),
    "rows": {"errors"},
    "textfiles": set(),
    "toml_dates": set(),
    "stats": BASE,
    "schema": BASE | {"resources", "toml_dates"},
    "registry": BASE,
    "rules": BASE,
    "duties": BASE | {"demands"},
    "judge": BASE | {"rules", "duties"},
    "engine": BASE | {"stats"},
    "backends": BASE | {"stats", "engine", "gguf_file"},
    "scorers": BASE | {"rows", "stats", "engine", "resources"},
    "provenance": BASE | {"schema", "resources", "gguf_file", "textfiles"},
    "datafiles": BASE | {"schema"},
    "mapping": BASE | {"datafiles"},
    "hubdata": BASE | {"schema", "datafiles"},
    "definition": BASE | {"datafiles", "mapping", "hubdata"},
    "items": BASE | {"rows", "schema", "registry", "datafiles", "hubdata", "mapping", "definition"},
    "prompts": BASE | {"definition"},
    "probes": BASE | {"rows", "prompts", "schema", "resources", "definition", "items", "hubdata"},
    "calibration": BASE | {"schema", "resources"},
    "labelled": BASE | {"datafiles"},
    "agreement": BASE | {"stats", "scorers"},
    "calibrate": BASE | {"registry", "stats", "scorers", "calibration", "labelled"},
    "correct": BASE | {"stats", "scorers"},
    "pairing": BASE | {"stats", "scorers"},
    "compared": BASE | {"stats", "scorers", "pairing", "requests"},
    "gaps": BASE | {"stats", "definition"},
    "scorer_pages": BASE | {"registry", "scorers", "calibration"},
    "samples": BASE | {"rows", "schema"},
    "scoring": BASE | {"registry", "scorers"},
    "printing": {"types"},
    "demands": BASE,
    "computed": BASE | {"schema", "resources"},
    "policies": BASE
    | {"schema", "resources", "registry", "probes", "provenance", "demands", "computed", "policy_faults"},
    "policy_faults": BASE | {"schema", "provenance", "demands", "computed"},
    "waivers": BASE | {"schema"},
    "explain": BASE | {"provenance", "demands", "computed", "duties"},
    "record": BASE | {"schema"},
    "signing": BASE | {"record"},
    "breaking_off": BASE | {"record"},
    "journal": BASE | {"rows", "schema", "record"},
    "checking": BASE,
    "clocks": BASE,
    "counts": BASE | {"backends", "checking", "samples"},
    "contamination": BASE | {"prompts", "schema", "registry", "stats", "datafiles", "probes", "textfiles"},
    "fixed": BASE | {"schema", "record", "journal", "checking", "policies"},
    "requests": BASE | {"probes", "prompts", "definition"},
    "described": BASE,
    "card_file": BASE | {"schema", "card"},
    "inference": BASE,
    "energy": BASE,
    "environment": BASE,
    "costs": BASE | {"schema", "record", "journal", "backends", "energy", "environment"},
    "card": BASE | {"schema", "provenance", "computed", "described", "inference"},
    "exporters": BASE
    | {"resources", "provenance", "described", "schema", "samples", "items", "probes", "judge", "inference"},
    "diff": BASE | {"schema"},
}
TOP = {
    "cli",
    "cli_exports",
    "cli_options",
    "cli_proof",
    "mutations",
    "overlaps",
    "cli_policies",
    "cli_provenance",
    "cli_compare",
    "cli_cards",
    "check_card",
    "earlier",
    "renderings",
    "cli_scorers",
    "export",
    "commands",
    "compare",
    "run",
    "plan",
    "results",
    "verify",
    "reask",
    "summarise",
    "same_items",
    "alterations",
    "forging",
    "progress",
    "doctor",
    "__main__",
}
HEAVY = {"codecarbon", "torch", "transformers", "detoxify", "datasets", "profanity_check", "gguf"}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_below(path: Path) -> None:
    own = room(path)
    if own in TOP or own == "__init__":
        return
    used = {name.split(".")[1] for name in imported(ast.parse(path.read_text())) if name.startswith("auditor.")}
    rooms = {name for name in used if (PACKAGE / name).exists() or (PACKAGE / f"{name}.py").exists()}
    assert rooms - {own} <= ALLOWED[own]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_libraries_are_never_imported_at_module_level_outside_the_engine(path: Path) -> None:
    if room(path) == "engine":
        return
    top = ast.Module([node for node in ast.parse(path.read_text()).body if not isinstance(node, ast.If)], [])
    found = {
        name.split(".")[0]
        for node in top.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in imported(node)
    }
    assert not found & HEAVY


def test_every_exception_handler_of_everything_is_one_of_the_two_agreed_ones() -> None:
    broad = []
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ExceptHandler) and (
                node.type is None or getattr(node.type, "id", "") in {"Exception", "BaseException"}
            ):
                broad.append(str(path.relative_to(PACKAGE)))
    assert broad == ["errors.py", "scoring.py"]


@pytest.mark.parametrize(
    "words", ["--help", "--version", "policies list", "policies show", "probes list", "run --help", "scorers list"]
)
def test_light_commands_do_not_import_heavy_libraries(words: str) -> None:
    code = (
        "import sys; from auditor.cli import main; sys.argv = ['auditor', *sys.argv[1:]]\n"
        "try: main()\nfinally: print(sorted(set(sys.modules) & " + repr(HEAVY) + "), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *words.split()], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip().splitlines()[-1] == "[]"
