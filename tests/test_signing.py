"""Signatures: an honest folder is what was signed, and every change of a file, the signature or the key is named."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from auditor import signing
from auditor.errors import MissingPackageError, RecordError, SignatureError, UsageError
from auditor.types import RunRecord

Cli = Callable[..., subprocess.CompletedProcess[str]]
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
PEM = serialization.Encoding.PEM


def write_keys(folder: Path, name: str, key: Key) -> tuple[Path, Path]:
    private, public = folder / f"{name}.pem", folder / f"{name}.pub.pem"
    plain = serialization.NoEncryption()
    private.write_bytes(key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, plain))
    public.write_bytes(key.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    return private, public


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    return write_keys(tmp_path, "ours", ec.generate_private_key(ec.SECP256R1()))


@pytest.fixture
def folder(finished: tuple[RunRecord, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished[1], tmp_path / "run"))


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()], ids=lambda curve: curve.name)
def test_what_was_signed_is_the_same(folder: Path, tmp_path: Path, curve: ec.EllipticCurve) -> None:
    private, public = write_keys(tmp_path, "k", ec.generate_private_key(curve))
    signature = signing.sign(folder, private)
    assert signature == folder / signing.SIGNATURE
    assert signing.check(folder, signature, public).outcome == "same"
    assert signing.check(folder, signing.sign(folder, private), public).outcome == "same"  # signed anew in its place


def test_every_file_is_covered_and_named(folder: Path, keys: tuple[Path, Path], tmp_path: Path) -> None:
    signature = signing.sign(folder, keys[0], tmp_path / "apart.sig")
    for path in [path for path in sorted(folder.rglob("*")) if path.is_file()]:
        name, whole = path.relative_to(folder).as_posix(), path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        assert signing.check(folder, signature, keys[1]).detail == f"changed: {name}"
        path.unlink()
        assert signing.check(folder, signature, keys[1]).detail == f"not there: {name}"
        path.write_bytes(whole)
    (folder / ".gitattributes").write_text("x")
    assert signing.check(folder, signature, keys[1]).detail == "not signed: .gitattributes"


def test_a_changed_signature_and_another_key_are_found(folder: Path, keys: tuple[Path, Path], tmp_path: Path) -> None:
    signature = signing.sign(folder, keys[0])
    _, other = write_keys(tmp_path, "other", ec.generate_private_key(ec.SECP256R1()))
    assert signing.check(folder, signature, other).detail == "it was not made by the owner of this key"
    whole = signature.read_bytes()
    for place in range(0, len(whole), max(1, len(whole) // 40)):
        signature.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert signing.check(folder, signature, keys[1]).outcome == "differs", place
    for text in ("", "{}", "[]", "null"):
        signature.write_text(text)
        assert signing.check(folder, signature, keys[1]).outcome == "differs", text


def test_a_record_that_was_changed_is_not_signed(folder: Path, keys: tuple[Path, Path]) -> None:
    next((folder / "samples").iterdir()).write_text("{}\n")
    with pytest.raises(RecordError, match="changed after it was written"):
        signing.sign(folder, keys[0])
    assert not (folder / signing.SIGNATURE).exists()


def test_keys_that_cannot_be_used_are_one_error(folder: Path, keys: tuple[Path, Path], tmp_path: Path) -> None:
    rsa_key, rsa_public = write_keys(tmp_path, "rsa", rsa.generate_private_key(65537, 2048))
    odd, _ = write_keys(tmp_path, "odd", ec.generate_private_key(ec.SECP256K1()))
    for key in (rsa_key, odd, folder / "record.json", tmp_path / "none.pem", keys[1]):
        with pytest.raises(SignatureError):
            signing.sign(folder, key)
    signature = signing.sign(folder, keys[0])
    for public in (rsa_public, tmp_path / "none.pem", folder / "record.json"):
        with pytest.raises(SignatureError):
            signing.check(folder, signature, public)
    with pytest.raises(UsageError):
        signing.check(folder, signature, None)


def test_a_link_in_the_folder_is_refused(folder: Path, keys: tuple[Path, Path]) -> None:
    (folder / "link").symlink_to(keys[0])
    with pytest.raises(SignatureError, match="cannot sign"):
        signing.sign(folder, keys[0])


def test_without_the_library_the_extra_is_named(
    folder: Path, keys: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "model_signing", None)
    with pytest.raises(MissingPackageError) as caught:
        signing.sign(folder, keys[0])
    assert caught.value.hint == "pip install 'auditor[sign]'"


def test_the_commands_sign_and_find_a_signature_broken(auditor_cli: Cli, folder: Path, keys: tuple[Path, Path]) -> None:
    assert auditor_cli("sign", folder, "--key", keys[0]).returncode == 0
    assert signing.check(folder, folder / signing.SIGNATURE, keys[1]).outcome == "same"
    (folder / "record.json").write_text("{}")
    done = auditor_cli("verify", folder, "--signature", folder / signing.SIGNATURE, "--public-key", keys[1])
    assert done.returncode == 10 and "changed: record.json" in done.stdout.splitlines()[-1]
    assert auditor_cli("verify", folder, "--public-key", keys[1]).returncode == 2


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        (ed25519.Ed25519PrivateKey.generate(), "Ed25519"),
        (rsa.generate_private_key(65537, 2048), "RSA"),
        (ec.generate_private_key(ec.SECP256K1()), "secp256k1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_key_of_the_wrong_kind_is_named_with_the_line_that_makes_a_right_one(
    auditor_cli: Cli, folder: Path, keys: tuple[Path, Path], tmp_path: Path, key: Key, kind: str
) -> None:
    private, public = write_keys(tmp_path, "wrong", key)
    signature = signing.sign(folder, keys[0], tmp_path / "apart.sig")
    check = ["verify", folder, "--signature", signature, "--public-key", public]
    for words, path, hint in (
        (["sign", folder, "--key", private], private, "openssl ecparam -name prime256v1 -genkey"),
        (check, public, "openssl ec -in KEY.pem -pubout"),
    ):
        done = auditor_cli(*words)
        error, advice = done.stderr.splitlines()
        assert (done.returncode, done.stdout) == (1, "")
        assert error == f"error: {path} holds a key of the kind {kind}, expected one of the curve P-256, P-384 or P-521"
        assert hint in advice


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_the_lines_of_the_docs_make_keys_that_sign_and_check(folder: Path, tmp_path: Path) -> None:
    text = (Path(__file__).parent.parent / "docs" / "proof.md").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("openssl ")]
    assert len(lines) == 2
    for line in lines:
        subprocess.run(shlex.split(line), cwd=tmp_path, check=True, capture_output=True)
    signature = signing.sign(folder, tmp_path / "key.pem")
    assert signing.check(folder, signature, tmp_path / "pub.pem").outcome == "same"
