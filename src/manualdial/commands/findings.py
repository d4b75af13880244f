"""The diagnoses of an examination: one line a subject, and the remedy."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    """The service runs, but something is not as it should be."""
    FAIL = "fail"
    """The service does not run, or cannot place a call."""


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that was looked at."""

    level: Level
    subject: str
    text: str
    mend: str = ""
    """The remedy; empty where nothing need be done."""
    names: tuple[str, ...] = ()
    """All that it is about, where the text names the first of them alone."""


def ok(subject: str, text: str) -> Diagnosis:
    """It is as it should be."""
    return Diagnosis(level=Level.OK, subject=subject, text=text)


def warn(subject: str, text: str, mend: str) -> Diagnosis:
    """It is not as it should be, but the service runs."""
    return Diagnosis(level=Level.WARN, subject=subject, text=text, mend=mend)


def fail(subject: str, text: str, mend: str) -> Diagnosis:
    """The service cannot work like this."""
    return Diagnosis(level=Level.FAIL, subject=subject, text=text, mend=mend)
