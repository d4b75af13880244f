"""Play the rounds of the fault suite, print the table, and fail if any count is not what it must be."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys

import uvloop

from tests.faults import table
from tests.faults.run import run
from tests.telephony.lab import requirements


def main() -> None:
    """Run what is asked for. Ends with 1 where something was counted that must not be, with 2 where nothing can run."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--seed", type=int, default=None, help="repeats the choice of faults")
    parser.add_argument("--write", action="store_true", help="put the table into docs/faults.md")
    wanted = parser.parse_args()
    if reason := requirements.missing():
        say(f"The fault suite cannot run: {reason}.")
        sys.exit(2)
    seed = secrets.randbelow(1 << 32) if wanted.seed is None else wanted.seed
    say(f"SEED={seed}")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        outcome = runner.run(run(rounds=wanted.rounds, database=wanted.database, seed=seed, say=say))
    say(f"\n{table.markdown(outcome)}")
    for line in table.findings(outcome):
        say(line)
    if wanted.write:
        table.write(outcome)
    sys.exit(bool(outcome.count.violations))


def say(line: str) -> None:
    """Tell whoever runs this."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
