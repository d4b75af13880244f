"""The table of a run, as Markdown, and its place in the documentation."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.faults.count import DUPLICATES, LOST, STUCK, Kind
from tests.faults.run import Outcome

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "faults.md"
_COUNTED: Final = ("presses", "calls", "INVITEs to agents", "INVITEs to customers")
_OTHER: Final = frozenset(Kind) - DUPLICATES - LOST - STUCK


def markdown(outcome: Outcome) -> str:
    """The run, each kind of fault with what was counted of its rounds, and the totals."""
    return "\n".join([_headline(outcome), "", *_kinds(outcome), "", *_checks(outcome), ""])


def findings(outcome: Outcome) -> Iterator[str]:
    """What of it must not be, and where to look; last what the clients met on the way."""
    for told in outcome.count.excused:
        yield f"in the instant in which Asterisk was killed: {told}"
    for violation in outcome.count.violations:
        where = "" if violation.round is None else f"round {violation.round} ({outcome.played[violation.round][0]}): "
        yield f"{violation.kind.value}: {where}{violation.call_id} {violation.detail}"
    yield f"Clients met: {', '.join(f'{answer} {count}' for answer, count in outcome.answers.most_common())}."
    if outcome.count.violations:
        yield f"In {outcome.folder} are the logs, and a file on each call."


def write(outcome: Outcome) -> None:
    """Put the table into docs/faults.md, in the place of the one that is there of the same database."""
    mark = f"<!-- {outcome.database} -->\n"
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(mark)
    after = rest.partition(mark)[2]
    PAGE.write_text(f"{before}{mark}{markdown(outcome)}{mark}{after}", encoding="utf-8")


def _headline(outcome: Outcome) -> str:
    minutes, seconds = divmod(round(outcome.seconds), 60)
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, SEED={outcome.seed}, {len(outcome.played)} rounds in "
        f"{minutes} min {seconds} s, {outcome.database}, Asterisk {outcome.asterisk}, SIPp {outcome.sipp}; "
        f"the service was started {outcome.lives} times."
    )


def _kinds(outcome: Outcome) -> list[str]:
    rounds: dict[str, set[int]] = defaultdict(set)
    happened: Counter[str] = Counter()
    for number, (name, did) in enumerate(outcome.played):
        rounds[name].add(number)
        happened[name] += did
    lines = [
        f"| fault | rounds | happened | {' | '.join(_COUNTED)} | duplicates | lost | stuck | other |",
        f"|---|{'---:|' * (len(_COUNTED) + 6)}",
    ]
    for name in sorted(rounds):
        counted = sum((outcome.count.of_round.get(number, Counter()) for number in rounds[name]), Counter[str]())
        cells = [len(rounds[name]), happened[name], *(counted[what] for what in _COUNTED)]
        cells += [outcome.count.of(kinds, rounds[name]) for kinds in (DUPLICATES, LOST, STUCK, _OTHER)]
        lines.append(f"| {name} | {' | '.join(map(str, cells))} |")
    totals = [len(outcome.played), sum(happened.values()), *(outcome.count.totals[what] for what in _COUNTED)]
    totals += [outcome.count.of(kinds) for kinds in (DUPLICATES, LOST, STUCK, _OTHER)]
    lines.append(f"| **all** | {' | '.join(f'**{cell}**' for cell in totals)} |")
    return lines


def _checks(outcome: Outcome) -> list[str]:
    lines = ["| counted at the end | is | must be |", "|---|---:|---:|"]
    lines += [f"| {kind.value} | {outcome.count.of({kind})} | 0 |" for kind in Kind]
    lines.append(
        "| presses acknowledged in the instant in which Asterisk was killed, that rang nobody "
        f"| {len(outcome.count.excused)} | |"
    )
    lines += [f"| {what} | {outcome.count.totals[what]} | |" for what in ("answers to presses", "events told")]
    return lines
