"""Licence ids: those that the Hugging Face Hub accepts in a card's front matter, SPDX's, and what one is in the other.

Any licence that the Hub does not know is `other` with a name. Source of its ids: huggingface/hub-docs,
docs/hub/repositories-licenses.md @ 242f4a1eeb86. SPDX's are those of the package license-expression.
"""

from __future__ import annotations

import functools
from typing import Any

from auditor.errors import nearest

HUB_LICENCES = frozenset(
    {
        "afl-3.0",
        "agpl-3.0",
        "apache-2.0",
        "apple-amlr",
        "apple-ascl",
        "artistic-2.0",
        "bigcode-openrail-m",
        "bigscience-bloom-rail-1.0",
        "bigscience-openrail-m",
        "bsd",
        "bsd-2-clause",
        "bsd-3-clause",
        "bsd-3-clause-clear",
        "bsl-1.0",
        "c-uda",
        "cc",
        "cc-by-2.0",
        "cc-by-2.5",
        "cc-by-3.0",
        "cc-by-4.0",
        "cc-by-nc-2.0",
        "cc-by-nc-3.0",
        "cc-by-nc-4.0",
        "cc-by-nc-nd-3.0",
        "cc-by-nc-nd-4.0",
        "cc-by-nc-sa-2.0",
        "cc-by-nc-sa-3.0",
        "cc-by-nc-sa-4.0",
        "cc-by-nd-4.0",
        "cc-by-sa-3.0",
        "cc-by-sa-4.0",
        "cc0-1.0",
        "cdla-permissive-1.0",
        "cdla-permissive-2.0",
        "cdla-sharing-1.0",
        "creativeml-openrail-m",
        "deepfloyd-if-license",
        "ecl-2.0",
        "epl-1.0",
        "epl-2.0",
        "etalab-2.0",
        "eupl-1.1",
        "eupl-1.2",
        "fair-noncommercial-research-license",
        "gemma",
        "gfdl",
        "gpl",
        "gpl-2.0",
        "gpl-3.0",
        "grok2-community",
        "h-research",
        "intel-research",
        "isc",
        "lgpl",
        "lgpl-2.1",
        "lgpl-3.0",
        "lgpl-lr",
        "llama2",
        "llama3",
        "llama3.1",
        "llama3.2",
        "llama3.3",
        "llama4",
        "lppl-1.3c",
        "mit",
        "mpl-2.0",
        "ms-pl",
        "ncsa",
        "odbl",
        "odc-by",
        "ofl-1.1",
        "openmdw-1.0",
        "openmdw-1.1",
        "openrail",
        "openrail++",
        "osl-3.0",
        "other",
        "pddl",
        "postgresql",
        "unknown",
        "unlicense",
        "wtfpl",
        "zlib",
    }
)

_SPDX = {  # Hub ids that are not SPDX ids in lower case
    "c-uda": "C-UDA-1.0",
    "lgpl-lr": "LGPLLR",
    "odbl": "ODbL-1.0",
    "odc-by": "ODC-By-1.0",
    "openrail++": "LicenseRef-openrail-plus-plus",  # SPDX has no such id, and no plus in a reference
    "pddl": "PDDL-1.0",
}
_NAMELESS = {"other", "unknown"}
_UNTOLD = {"bsd", "cc", "gfdl", "gpl", "lgpl", "openrail", "other", "unknown"}  # no one licence


def to_spdx(name: str) -> str:
    """Return a licence in SPDX's spelling: an id, an expression, or `LicenseRef-` with the Hub's id for lack of one.

    Empty where the name is neither SPDX nor a Hub id, or does not say which licence it is. Of the GNU licences the Hub
    and older SPDX ids do not say whether later versions are allowed; theirs are taken as `-only`.

    >>> to_spdx("apache-2.0"), to_spdx("odbl"), to_spdx("llama3.1"), to_spdx("MIT OR apache-2.0"), to_spdx("openrail")
    ('Apache-2.0', 'ODbL-1.0', 'LicenseRef-llama3.1', 'MIT OR Apache-2.0', '')
    """
    found = name.strip()
    if found.lower() in _SPDX:
        return _SPDX[found.lower()]
    if found.lower() in _UNTOLD:
        return ""
    try:
        checked = _licensing().validate(found)
    except AttributeError:  # the library's own slip where an operator lacks an operand
        return ""
    if checked.normalized_expression and not checked.errors:
        return str(checked.normalized_expression)
    if found.lower() in HUB_LICENCES:
        return f"LicenseRef-{found.lower()}"
    return found if found.startswith("LicenseRef-") and found.removeprefix("LicenseRef-") else ""


def own_licence(name: str) -> str:
    """Return the name of a licence that the Hub calls other as SPDX has it, unless it is a known one.

    >>> own_licence("my-1.0"), own_licence("llama3")
    ('LicenseRef-my-1.0', 'llama3')
    """
    return name if to_spdx(name) else f"LicenseRef-{name.strip()}"


def can_be_one(one: str, other: str) -> bool:
    """Return whether two names can be of one licence: `other` can be of any, `gpl` of each of its versions.

    >>> can_be_one("mit", "MIT"), can_be_one("my-1.0", "LicenseRef-my-1.0"), can_be_one("gpl", "GPL-3.0-only")
    (True, True, True)
    >>> can_be_one("mit", "Apache-2.0"), can_be_one("gpl", "mit")
    (False, False)
    """
    names = [(to_spdx(name) or name.strip()).casefold().removeprefix("licenseref-") for name in (one, other)]
    if names[0] == names[1] or not _NAMELESS.isdisjoint(names):
        return True
    return any(name in _UNTOLD and again.startswith(f"{name}-") for name, again in (names, names[::-1]))


def fault_of(name: str) -> str:
    """Return what is wrong with a licence's name, with the nearest that is known; empty where it is a good one."""
    if name.strip().lower() in HUB_LICENCES or to_spdx(name):
        return ""
    known = {*HUB_LICENCES, *_licensing().known_symbols}
    return f"{name!r} is neither an SPDX id or expression nor one of the Hub's ids ({nearest(name, known)})"


@functools.cache
def _licensing() -> Any:
    from license_expression import get_spdx_licensing

    return get_spdx_licensing()
