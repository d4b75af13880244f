"""judge: what a registry that hands out no list answered about one number."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from manualdial.law.judge import judge
from manualdial.law.records import Record, RegistryAnswer
from tests.support.core import shipped_policies
from tests.support.screening import UNBOUND, a_record, facts_about

ROME = "+390612345678"
AT = datetime(2026, 3, 10, 10, 0, tzinfo=UTC)


def says(*records: Record) -> tuple[str, str]:
    """The decision of Italy's registry, and its reason."""
    asked = msgspec.structs.replace(UNBOUND, registries=frozenset({"it-rpo"}))
    found = judge(facts_about(ROME, at=AT, records=records, settings=asked), shipped_policies()).verdict
    (rule,) = [rule for rule in found.rules if rule.rule == "do-not-call.it-rpo"]
    return rule.decision, rule.reason


def an_answer(id: str, *, listed: bool, ago: timedelta) -> Record:
    answered_at = AT - ago
    content = RegistryAnswer(
        registry="it-rpo", listed=listed, answered_at=answered_at, valid_until=answered_at + timedelta(days=10)
    )
    return a_record(content, id=id, number=ROME)


def test_the_newest_answer_counts() -> None:
    yes, no = (
        an_answer("yes", listed=True, ago=timedelta(days=2)),
        an_answer("no", listed=False, ago=timedelta(days=1)),
    )
    assert says(yes, no) == ("allow", "the number is not on the registry")
    assert says(no, yes)[0] == "allow"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_answers_of_one_moment_the_one_that_blocks_counts(order: tuple[int, int]) -> None:
    both = [an_answer(f"answer-{listed}", listed=bool(listed), ago=timedelta(days=1)) for listed in order]
    assert says(*both) == ("block", "the number is on the registry")


def test_an_answer_that_is_no_longer_good_is_none() -> None:
    assert says(an_answer("old", listed=False, ago=timedelta(days=10)))[0] == "block"
    assert says()[0] == "block"
