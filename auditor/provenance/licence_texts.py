"""Which licence a text is: the whole text against digests of published ones, or at least its title.

A digest is over the words alone, in lower case, of the part that does not differ between users of the licence: not
the copyright line, not the appendix that tells how to apply it. Of a licence whose title is known and whose text
differs, or whose text is not among those known here, only the title is told.
"""

from __future__ import annotations

import hashlib
import re

from msgspec import Struct


class Recognised(Struct, frozen=True, kw_only=True):
    """A licence found in a text: its SPDX or Hub id, and whether the whole text is the published one."""

    id: str
    whole: bool


_PARTS = (  # where the part that is the same for all begins and ends, in words
    ("apache license version 2 0 january 2004", "end of terms and conditions"),
    ("gnu general public license version", "end of terms and conditions"),
    ("gnu lesser general public license version", "end of terms and conditions"),
    ("gnu affero general public license version", "end of terms and conditions"),
    ("gnu lesser general public license version 3", "to choose that version for the library"),
    ("mozilla public license version 2 0", "as defined by the mozilla public license v 2 0"),
    ("creative commons legal code cc0 1 0 universal", "this cc0 or use of the work"),
    ("permission is hereby granted free of charge", "dealings in the software"),
    ("redistribution and use in source and binary forms", "possibility of such damage"),
)
_MAY_FOLLOW = ("appendix how to apply", "how to apply these terms")  # what tells users how to apply the licence
_MAY_FOLLOW_CHARACTERS = 3000
_BEFORE_CHARACTERS = 400  # a title and lines of copyright
_TEXTS = {
    "f45538b138cf9aea39fa205de037a0bede8305e68281650e7ab809a8b3ebb2f0": "Apache-2.0",
    "8607b1cff63e9a9dc468bf76327bdd0bb2d2abe09d6e8076427fd49236f46f29": "GPL-2.0",
    "d9de3adc6f88fd297c319c8e5efae6a00c1606770b4d22bd8fdc95a7071b5251": "GPL-3.0",
    "f13ce8aa4b0cc0de7c3b73a95e705f217972ef8710e7c0a463342682e2e523de": "LGPL-2.1",
    "3ce770135de37fc153de7af30789ebf6cf1e9ad54eb9b487647ea8aa9ccae9c2": "LGPL-3.0",
    "f82071285728ca3ec7685ee9bc4acdae0b8267142a4d20b8f1805eabedb4a98a": "MPL-2.0",
    "96bdc7f63190fb4bd1ae584b890300ed7517d858b34c945642a3b9b2f1612a5f": "CC0-1.0",
    "0cf21bdfd1964a97a8615e128534845826afbc887edc95aa5c925cbf64386b5c": "MIT",
    "7a912bb3e46a263ccc8f977f1554e3bd3426fbae84972acf19349897c4ae9b16": "BSD-3-Clause",
    "04ab0645fe86411a1fa34c314b73a2718f6d11e8cf7d5d926e3c41de3168c30b": "BSD-3-Clause",
    "0d1c1a1cbefadef55a8b44da52be751e4ccd9fa8343dd13fb0f5e7612206f63d": "BSD-3-Clause",
    "a56fee4b2f66331ed54da4950ef9c9391453fd1490b4d8ea202bc29683bcbd30": "BSD-2-Clause",
}
_TITLES = (
    ("Apache-2.0", r"apache license version 2 0"),
    ("AGPL-3.0", r"gnu affero general public license version 3"),
    ("LGPL-3.0", r"gnu lesser general public license version 3"),
    ("LGPL-2.1", r"gnu lesser general public license version 2 1"),
    ("GPL-3.0", r"gnu general public license version 3"),
    ("GPL-2.0", r"gnu general public license version 2"),
    ("MPL-2.0", r"mozilla public license version 2 0"),
    ("CC0-1.0", r"cc0 1 0 universal"),
    ("CC-BY-NC-ND-4.0", r"attribution noncommercial noderivatives 4 0 international"),
    ("CC-BY-NC-SA-4.0", r"attribution noncommercial sharealike 4 0 international"),
    ("CC-BY-NC-4.0", r"attribution noncommercial 4 0 international"),
    ("CC-BY-ND-4.0", r"attribution noderivatives 4 0 international"),
    ("CC-BY-SA-4.0", r"attribution sharealike 4 0 international"),
    ("CC-BY-4.0", r"attribution 4 0 international"),
    ("Unlicense", r"this is free and unencumbered software released into the public domain"),
    ("ISC", r"isc license"),
    ("openmdw-1.1", r"openmdw license agreement version 1 1"),
    ("openmdw-1.0", r"openmdw license agreement version 1 0"),
    ("llama4", r"llama 4 community license agreement"),
    ("llama3.3", r"llama 3 3 community license agreement"),
    ("llama3.2", r"llama 3 2 community license agreement"),
    ("llama3.1", r"llama 3 1 community license agreement"),
    ("llama3", r"(meta )?llama 3 community license agreement"),
    ("llama2", r"llama 2 community license agreement"),
    ("gemma", r"gemma terms of use"),
    ("bigscience-bloom-rail-1.0", r"bigscience rail license v1 0"),
    ("bigscience-openrail-m", r"bigscience open rail m"),
    ("bigcode-openrail-m", r"bigcode open rail m"),
    ("creativeml-openrail-m", r"creativeml open rail m"),
    ("MIT", r"(the )?mit license"),
)
_HEAD_WORDS = 40


def recognise(text: str) -> Recognised | None:
    """Return the licence that a text is, or has the title of; None where neither is known here.

    >>> recognise("Gemma Terms of Use. Last modified: February 21, 2024")
    Recognised(id='gemma', whole=False)
    """
    words = re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()
    for part in parts_of(words):
        known = _TEXTS.get(hashlib.sha256(part.encode()).hexdigest())
        if known:
            return Recognised(id=known, whole=True)
    head = " ".join(words.split()[:_HEAD_WORDS])
    named = next((licence for licence, title in _TITLES if re.search(rf"\b{title}\b", head)), "")
    return Recognised(id=named, whole=False) if named else None


def parts_of(words: str) -> list[str]:
    """Return the parts of a text's words that licences have in common, the owner's name taken out.

    A part counts only where next to nothing but a copyright line stands before it and nothing of weight after it, so
    that a licence with a further clause is not taken for the one without.
    """
    found = []
    for first, last in _PARTS:
        begin, end = words.find(first), words.rfind(last) + len(last)
        rest = words[end:].strip()
        known_rest = not rest or (rest.startswith(_MAY_FOLLOW) and len(rest) < _MAY_FOLLOW_CHARACTERS)
        if 0 <= begin < min(end, _BEFORE_CHARACTERS) and known_rest:
            part = words[begin:end]
            found.append(re.sub(r"neither the name of .{1,80}? nor the names", "neither the name nor the names", part))
    return found
