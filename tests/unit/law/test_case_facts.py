"""Cases, tried: what is told of one that does not hold, or that cannot be."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from manualdial.law.cases import Case, CaseInvalid, cases_of, difference, facts_of
from manualdial.law.policies import PolicyInvalid, load

POLICIES = load()
EVENING = datetime(2026, 6, 11, 0, 0, tzinfo=UTC)
"""Eight o'clock in Florida."""


def case(**said: Any) -> Case:
    rest = {"rule": "calling-hours.us-fl", "says": "block", "at": EVENING, "number": "+13055550100", "source": "law"}
    return msgspec.convert(rest | said, Case)


def tried(**said: Any) -> str:
    return difference(case(**said), list(POLICIES.rules()), POLICIES.holiday_sets)


def test_a_case_that_holds_differs_in_nothing() -> None:
    assert tried() == ""
    assert tried(next_permitted_at=datetime(2026, 6, 11, 12, 0, tzinfo=UTC)) == ""


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"says": "allow"}, "the rule says block"),
        ({"says": "absent"}, "the rule says block"),
        ({"purpose": "service"}, "the rule says absent"),
        ({"number": "+12125550100"}, "the rule says absent"),
        ({"never": True}, "the rule allows it from 2026-06-11T12:00:00+00:00 on"),
        ({"next_permitted_at": EVENING}, "the rule alone allows it from 2026-06-11T12:00:00+00:00 on"),
        ({"rule": "calling-hours.xx"}, "there is no rule of this name"),
    ],
)
def test_what_is_otherwise_is_told(said: dict[str, Any], told: str) -> None:
    assert tried(**said) == told


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"number": "+12345"}, "number"),
        ({"zip_code": "xx"}, "no such place: xx"),
        ({"jurisdiction": "XX"}, "no such place: XX"),
        ({"zone": "Mars/Olympus"}, "no such time zone"),
    ],
)
def test_a_case_that_cannot_be_is_told(said: dict[str, Any], told: str) -> None:
    with pytest.raises(CaseInvalid, match=told):
        facts_of(case(**said))


@pytest.mark.parametrize(
    ("text", "told"), [("[[cases]", "is not TOML"), ("[[cases]]\nrule = 1", "x.cases.toml"), (None, "cannot be read")]
)
def test_a_file_that_holds_no_cases_is_told(tmp_path: Path, text: str | None, told: str) -> None:
    path = tmp_path / "x.cases.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(PolicyInvalid, match=told):
        cases_of(path)
