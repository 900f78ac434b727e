"""Signatures over a record's folder, by an elliptic-curve key, offline, in the format of OpenSSF model signing.

The signature covers every file of the folder but itself: a file that is changed, missing or added later is named.
"""

from __future__ import annotations

import contextlib
import re
import sys
from pathlib import Path
from typing import Any, Literal

from auditor import record
from auditor.errors import SignatureError, UsageError, first_line, foreign_faults, optional_package
from auditor.types import Check

SIGNATURE = "record.sig"
_CURVES = ("secp256r1", "secp384r1", "secp521r1")  # P-256, P-384 and P-521
_OTHER_KEY = "it was not made by the owner of this key"
_HINTS = {
    "private": "make one: openssl ecparam -name prime256v1 -genkey -noout -out signing-key.pem",
    "public": "make it of the private one: openssl ec -in KEY.pem -pubout -out PUB.pem",
}


def sign(path: Path, key: Path, out: Path | None = None) -> Path:
    """Sign a record's folder and return the signature's file: `out`, or `record.sig` in the folder.

    Raises:
        RecordError: the record is missing, or was changed after it was written.
        SignatureError: the key cannot be read, or the folder holds what cannot be signed, such as a link.
        OutputError: the signature cannot be written.
        MissingPackageError: model-signing is not installed.
    """
    _, folder = record.load_record(path)
    target = out or folder / SIGNATURE
    _check_readable(key, "key")
    with optional_package("sign", "signing a record"):
        from model_signing import hashing, signing

        _check_key(key, "private")
    with foreign_faults(f"cannot sign with the key {key}", SignatureError, hint=_HINTS["private"]):
        config = signing.Config().use_elliptic_key_signer(private_key=key)
    hint = "links cannot be signed: keep plain files alone in the folder"
    with foreign_faults(f"cannot sign {folder}", SignatureError, hint=hint), record.output_faults(target):
        config.set_hashing_config(_hashing(hashing, folder, target)).sign(folder, target)
    return target


def check(path: Path, signature: Path | None, public_key: Path | None) -> Check:
    """Return whether a record's folder is what was signed by the key's owner, and if not, what differs.

    Raises:
        UsageError: one of signature and public key is not given.
        SignatureError: the key or the signature is not there, or the key is none.
        MissingPackageError: model-signing is not installed.
    """
    if signature is None or public_key is None:
        raise UsageError(
            "a signature is checked with the key of who signed, got one without the other",
            hint="give --signature FILE and --public-key PUB.pem",
        )
    _check_readable(signature, "signature")
    _check_readable(public_key, "public key")
    with optional_package("sign", "checking a signature"):
        from cryptography.exceptions import InvalidSignature
        from model_signing import hashing, verifying

        _check_key(public_key, "public")
    with foreign_faults(f"cannot read the public key {public_key}", SignatureError, hint=_HINTS["public"]):
        config = verifying.Config().use_elliptic_key_verifier(public_key=public_key)
    folder = record.folder_of(path)
    config.set_hashing_config(_hashing(hashing, folder, signature))
    try:
        with contextlib.redirect_stdout(sys.stderr):
            config.verify(folder, signature)
    except InvalidSignature:
        return Check(what="signature", outcome="differs", detail=_OTHER_KEY)
    except (ValueError, KeyError, TypeError, AttributeError, LookupError) as fault:
        told = (
            _OTHER_KEY
            if str(fault).startswith("Key mismatch")
            else _told(str(fault).replace("\\'", "'")) or f"it is damaged: {first_line(fault)}"
        )
        return Check(what="signature", outcome="differs", detail=told)
    return Check(what="signature", outcome="same")


def _told(message: str) -> str:
    """Return in words which files differ from those that were signed, or nothing where it is not about files."""
    found = {
        "changed": re.findall(r"Hash mismatch for '([^']*)'", message),
        "not there": re.findall(r"Missing files in model '[^']*': ([^\"]*)", message),
        "not signed": re.findall(r"Extra files found in model '[^']*': ([^\"]*)", message),
    }
    return "; ".join(f"{how}: {', '.join(names)}" for how, names in found.items() if names)


def _hashing(hashing: Any, folder: Path, signature: Path) -> Any:
    """Return how the folder is hashed: every file but the signature, where it lies in there."""
    inside = signature.resolve().is_relative_to(folder.resolve())
    paths = [signature.resolve().relative_to(folder.resolve())] if inside else []
    return hashing.Config().set_ignored_paths(paths=paths, ignore_git_paths=False)


def _check_readable(path: Path, what: str) -> None:
    if not path.is_file():
        why = "it is a folder" if path.is_dir() else "there is no such file"
        raise SignatureError(f"cannot read the {what} {path}: {why}", hint="check the path")


def _check_key(path: Path, kind: Literal["private", "public"]) -> None:
    """Raise SignatureError unless a file holds a key of that kind, on a curve that can sign."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    text = path.read_bytes()
    try:
        key: Any = (
            serialization.load_pem_private_key(text, password=None)
            if kind == "private"
            else serialization.load_pem_public_key(text)
        )
    except (ValueError, TypeError, UnsupportedAlgorithm) as fault:
        raise SignatureError(f"{path} holds no {kind} key in PEM without a password", hint=_HINTS[kind]) from fault
    curve = getattr(getattr(key, "curve", None), "name", "")
    if curve not in _CURVES:
        found = curve or re.sub("(Private|Public)Key$", "", type(key).__name__)
        raise SignatureError(
            f"{path} holds a key of the kind {found}, expected one of the curve P-256, P-384 or P-521",
            hint=_HINTS[kind],
        )
