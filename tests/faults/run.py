"""One run: rounds of one fault each, chosen by a seed, and the count at the end."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.faults import cases
from tests.faults.count import Count, Evidence, count
from tests.faults.database import PostgresqlDatabase, SqliteFile
from tests.faults.fault import Fault
from tests.faults.kinds import kinds
from tests.faults.world import World
from tests.telephony.lab import sipp

_MEGABYTES = 96
_MEGABYTES_A_ROUND = 0.5


@dataclass(kw_only=True)
class Outcome:
    """What a run was, and what was counted."""

    seed: int
    database: str
    asterisk: str
    """Its version; and SIPp's:"""
    sipp: str
    folder: Path
    """Where the logs are, and a file on each violation; gone if there is none."""
    seconds: float = 0.0
    played: list[tuple[str, bool]] = field(default_factory=list)
    """Of each round, its fault and whether it happened."""
    lives: int = 0
    """How often the service was started."""
    answers: Counter[str] = field(default_factory=Counter)
    count: Count = field(default_factory=Count)


def choose(kinds: Sequence[Fault], rounds: int, random: Random) -> list[Fault]:
    """A fault for each round: every kind once, as far as the rounds go, and then any; in no order."""
    first = random.sample(kinds, len(kinds))
    return (first + random.choices(kinds, k=max(0, rounds - len(first))))[:rounds]


async def run(
    *, rounds: int, database: str, seed: int, folder: Path | None = None, say: Callable[[str], None] = lambda _: None
) -> Outcome:
    """Play the rounds. `database` is sqlite or postgresql. What is found wrong is written to files in `folder`."""
    random = Random(seed)
    # A path of the system may be too long for the socket in it.
    folder = folder or Path(tempfile.mkdtemp(prefix="manualdial-faults-", dir="/tmp"))
    say(f"The logs are in {folder}.")
    with ExitStack() as stack:
        store: SqliteFile | PostgresqlDatabase
        if database == "sqlite":
            store = stack.enter_context(SqliteFile(folder, megabytes=_MEGABYTES + int(rounds * _MEGABYTES_A_ROUND)))
        else:
            store = stack.enter_context(PostgresqlDatabase())
        async with World(folder=folder, database=store, random=random) as world:
            outcome = Outcome(
                seed=seed, database=database, asterisk=world.asterisk.version(), sipp=sipp.version(), folder=folder
            )
            evidence = await _play(world, choose(kinds(store), rounds, random), outcome, say)
            outcome.count = count(evidence)
            outcome.lives = world.service.lives
            outcome.answers = world.record.answers
        cases.write(outcome.count.violations, evidence, folder)
    if not outcome.count.violations:
        shutil.rmtree(folder)
    return outcome


async def _play(world: World, faults: Sequence[Fault], outcome: Outcome, say: Callable[[str], None]) -> Evidence:
    started = time.monotonic()
    await world.until_presses(10, limit=5.0)
    for number, fault in enumerate(faults):
        world.record.round = number
        await world.until_presses(2, limit=world.random.uniform(0.1, 0.6))
        world.note(f"round {number}: {fault.name}")
        happened = await fault.play(world)
        world.note(f"round {number} is over" if happened else f"round {number} is over, the fault did not happen")
        await world.until_presses(8, limit=0.7)
        outcome.played.append((fault.name, happened))
        say(f"{number + 1}/{len(faults)} {time.monotonic() - started:.1f} s: {fault.name}{'' if happened else ' (no)'}")
    evidence = await world.finish()
    outcome.seconds = time.monotonic() - started
    return evidence
