"""Answers of a registry that hands out no list: rows of its file → records."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

import msgspec

from manualdial.imports.number_files import LineRefused, NotAsSaid, NumberLine
from manualdial.law.policies import Policies
from manualdial.law.records import RegistryAnswer

_LISTED = frozenset({"registered", "listed", "on register", "on the register", "on registry", "on the registry"})
_NOT_LISTED = frozenset(
    {
        "unregistered",
        "not registered",
        "not listed",
        "unlisted",
        "not on register",
        "not on the register",
        "not on registry",
        "not on the registry",
    }
)
_YES, _NO = frozenset({"y", "yes", "true", "1"}), frozenset({"n", "no", "false", "0"})
_COLUMNS_OF_YES = ("listed", "registered")
"""Columns whose heading asks the question to which yes and no are answers."""
_COLUMNS = (*_COLUMNS_OF_YES, "result", "status", "answer", "response")


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """How the rows of a file are to be read."""

    registry: str
    answered_at: datetime
    valid_until: datetime
    whole: bool | None = None
    """All numbers of the file are listed, or all are not; None: each row says it."""
    listed_words: Collection[str] = ()
    not_listed_words: Collection[str] = ()

    def answer(self, line: NumberLine) -> RegistryAnswer:
        """The answer of the registry on the number of a row. Raises LineRefused: a guess would have people called."""
        return RegistryAnswer(
            registry=self.registry,
            listed=self._listed(line.cells) if self.whole is None else self.whole,
            answered_at=self.answered_at,
            valid_until=self.valid_until,
        )

    def _listed(self, cells: Mapping[str, str]) -> bool:
        column = next((name for name in _COLUMNS if name in cells), None)
        if column is None:
            raise LineRefused(f"no column {', '.join(_COLUMNS)}; or say --listed or --not-listed for the whole file")
        word = " ".join(cells[column].casefold().split())
        yes, no = set(self.listed_words), set(self.not_listed_words)
        if not yes and not no:
            asks = column in _COLUMNS_OF_YES
            yes, no = set(_LISTED | (_YES if asks else set())), set(_NOT_LISTED | (_NO if asks else set()))
        if word in yes:
            return True
        if word in no:
            return False
        raise LineRefused(f"{column} is {cells[column][:40]!r}; say --listed-when and --not-listed-when")


def good_for(policies: Policies, registry: str, days: int | None) -> timedelta:
    """How long an answer counts. Raises NotAsSaid for what is no registry of answers, and where nobody says it."""
    duties = {
        rule.subject: rule.registry
        for rule in policies.rules()
        if rule.registry is not None and rule.registry.answers_only
    }
    duty = duties.get(registry)
    if duty is None:
        if registry in policies.names("do-not-call"):
            raise NotAsSaid(f"{registry} hands out a list; import that with `manualdial registry import`.")
        raise NotAsSaid(f"no policy names {registry}; registries that answer: {', '.join(sorted(duties))}.")
    if days is not None and days > duty.max_age_days:
        raise NotAsSaid(f"by the policy an answer of {registry} is good for at most {duty.max_age_days} days.")
    return timedelta(days=days or duty.max_age_days)


def words(said: str | None) -> frozenset[str]:
    """Words that stand for an answer, separated by commas."""
    return frozenset(" ".join(word.casefold().split()) for word in (said or "").split(",") if word.strip())
