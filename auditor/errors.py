"""Everything that can go wrong on purpose.

    AuditorError                 exit 1: no verdict was reached
    ├── UsageError               exit 2: an unknown name or value, or options that do not fit together
    ├── ModelError               the model cannot be found, read or trusted to answer
    │   └── AnswerError          the model failed while it answered; the journal holds what was done
    ├── OfflineError             a download would be needed and `--offline` forbids it
    ├── MissingPackageError      an optional package is not installed
    ├── PackError                a probe pack breaks its schema (all faults at once)
    ├── DataError                a benchmark's data file is missing, damaged or of another version
    ├── PolicyError              a policy breaks its schema, or names what does not exist
    ├── WaiverError              a waiver file breaks its schema, or names a policy that does not exist
    ├── ProvenanceError          a provenance file breaks its schema
    ├── ScorerError              a scorer cannot be opened
    ├── CalibrationError         a calibration is missing, damaged or was changed after it was written
    ├── RecordError              a record is missing, damaged or was changed after it was written
    ├── ExportError              a document cannot be made, or its format's validator refuses it
    ├── SignatureError           a key or a signature cannot be read
    ├── CardError                a card is missing, damaged, of another version, or breaks its schema
    ├── TemplateError            a template has a hole, or reaches where it may not
    ├── OutputError              the output folder, or that of temporary files, cannot be used
    │   └── FullError            there is no space left in it
    └── InterruptedRun           Ctrl-C or SIGTERM; the journal holds what was done

Every error has an `exit_code` and a `hint`; `cli.main` alone catches them.
"""

from __future__ import annotations

import contextlib
import difflib
import errno
from collections.abc import Iterable, Iterator, Sequence

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class AuditorError(Exception):
    """What happened, what was got and expected, and where; `hint` says what to do next."""

    exit_code: int = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(AuditorError):
    """The words are wrong: an unknown name or value, or options that do not fit together.

    What is named rightly and is missing, unreadable or unfit is another error.
    """

    exit_code = 2


class ModelError(AuditorError):
    """The model cannot be found, read or trusted to answer."""


class AnswerError(ModelError):
    """The model failed while it answered; the journal holds what was done."""


class OfflineError(AuditorError):
    """A download would be needed and `--offline` forbids it."""


class MissingPackageError(AuditorError):
    """An optional package is not installed."""


class PackError(AuditorError):
    """A probe pack breaks its schema."""


class DataError(AuditorError):
    """A data file from outside is missing, damaged or of another version."""


class PolicyError(AuditorError):
    """A policy breaks its schema, or names what does not exist."""


class WaiverError(AuditorError):
    """A waiver file breaks its schema, or names a policy that does not exist."""


class ProvenanceError(AuditorError):
    """A provenance file breaks its schema."""


class ScorerError(AuditorError):
    """A scorer cannot be opened."""


class CalibrationError(AuditorError):
    """A calibration is missing, damaged or was changed after it was written."""


class RecordError(AuditorError):
    """A record is missing, damaged or was changed after it was written."""


class ExportError(AuditorError):
    """A document cannot be made, or the validator of its format refuses it."""


class SignatureError(AuditorError):
    """A key or a signature cannot be read."""


class CardError(AuditorError):
    """A card is missing, damaged, of another version, or breaks its schema."""


class TemplateError(AuditorError):
    """A template has a hole, or reaches where it may not."""


class OutputError(AuditorError):
    """The output folder, or that of temporary files, cannot be used."""


class FullError(OutputError):
    """There is no space left in it."""


def unwritten(fault: OSError, what: object, *, hint: str) -> OutputError:
    """Return the error for what could not be written: a `FullError` where there is no space left."""
    message = f"cannot write {what}: {fault.strerror or fault}"
    if fault.errno in _FULL:
        return FullError(message, hint="free some space, then run it again")
    return OutputError(message, hint=hint)


class InterruptedRun(AuditorError):  # noqa: N818 - it is no error of anybody
    """Ctrl-C or SIGTERM; the journal holds what was done."""


def counted(count: int, what: str, many: str = "") -> str:
    """Return a count with what is counted, in the plural where it is not one.

    >>> counted(1, "metric"), counted(0, "metric"), counted(2, "policy", "policies")
    ('1 metric', '0 metrics', '2 policies')
    """
    return f"{count} {what if count == 1 else many or f'{what}s'}"


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a hint naming the known words closest to `word`, or all of them when none is close."""
    names = sorted(known)
    close = closest(word, names)
    if close:
        return "did you mean " + " or ".join(close) + "?"
    return "known: " + (", ".join(names) if names else "none")


def closest(word: str, known: Iterable[str]) -> list[str]:
    """Return at most three known words that are close to `word`, the closest first."""
    return difflib.get_close_matches(word, sorted(known), n=3, cutoff=0.5)


def list_faults(faults: Sequence[str], *, shown: int = 50) -> str:
    """Return the faults one a line, the first `shown` of them, saying how many more there are."""
    lines = [f"  {fault}" for fault in faults[:shown]]
    if len(faults) > shown:
        lines.append(f"  … and {len(faults) - shown} more")
    return "\n".join(lines)


def first_line(fault: BaseException) -> str:
    """Return the first line of what an exception says, or its class when it says nothing."""
    lines = [line.strip() for line in str(fault).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(fault).__name__


@contextlib.contextmanager
def foreign_faults(message: str, error: type[AuditorError], *, hint: str) -> Iterator[None]:
    """Turn whatever other libraries raise about a damaged or unknown file into one error of ours (ADR 0003)."""
    try:
        yield
    except (AuditorError, MemoryError):
        raise
    except ImportError as fault:
        raise MissingPackageError(
            f"{message}: a package is missing: {first_line(fault)}", hint="install it, then run again"
        ) from fault
    except Exception as fault:
        raise error(f"{message}: {type(fault).__name__}: {first_line(fault)}", hint=hint) from fault


@contextlib.contextmanager
def optional_package(extra: str, what: str) -> Iterator[None]:
    """Say which extra brings a package that is not installed.

    Raises:
        MissingPackageError: an import within fails.
    """
    try:
        yield
    except ImportError as fault:
        raise MissingPackageError(
            f"{what} needs a package that is not installed: {first_line(fault)}",
            hint=f"pip install 'auditor[{extra}]'",
        ) from fault
