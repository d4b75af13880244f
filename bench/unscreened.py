"""The service without screening, to measure beside: in this process each press is allowed unread.

    python -m bench.unscreened [--without-evidence] serve --config FILE

What a press costs beyond this is what the screening costs: the rules, their facts from the database and from the
copies, the count of attempts when the press is written down, and what the verdict adds to reply, journal and evidence.
A link of evidence, with an empty verdict, is written unless it is asked to be left out.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from bench import short_calls
from manualdial.app import cell
from manualdial.dialing import dialing
from manualdial.law.facts import Facts
from manualdial.law.verdict import Decision, PolicyName, Verdict
from manualdial.places.place import PlaceSource, Whereabouts
from manualdial.screening.screener import Question, Screened, Screener

_NOWHERE = Whereabouts(source=PlaceSource.NONE, places=())
_ALLOWED = Verdict(decision=Decision.ALLOW, rules=(), policy=PolicyName(name="unscreened", version="0"))


class Unscreened(Screener):
    """Allows everything, and asks nobody."""

    async def screen_all(self, questions: Sequence[Question]) -> Sequence[Screened]:
        """The same verdict on each."""
        return [_allowed(question) for question in questions]


def _allowed(question: Question) -> Screened:
    facts = Facts(at=question.at, number=question.number, purpose=question.purpose, located=_NOWHERE, numbered=_NOWHERE)
    return Screened(verdict=_ALLOWED, facts=facts, relied_on=(), attempts_seen=None)


def _no_evidence(*_: object, **__: object) -> None:
    """The journal takes a press without a link, too."""


def main() -> None:
    """Serve until a signal comes."""
    vars(cell)["Screener"] = Unscreened
    if "--without-evidence" in sys.argv:
        vars(dialing)["evidence_of"] = _no_evidence
    short_calls.main()


if __name__ == "__main__":
    main()
