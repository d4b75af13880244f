"""The fault suite's short form: sixteen agents press while one thing after the other breaks, and all is counted."""

from __future__ import annotations

import secrets

from tests.faults import table
from tests.faults.run import run

ROUNDS = 30


async def test_whatever_breaks_a_press_is_one_call_and_nothing_is_left() -> None:
    seed = secrets.randbelow(1 << 32)

    outcome = await run(rounds=ROUNDS, database="sqlite", seed=seed)

    repeat = f"make faults ROUNDS={ROUNDS} SEED={seed}"
    assert not outcome.count.violations, "\n".join([repeat, table.markdown(outcome), *table.findings(outcome)])
    assert outcome.count.totals["INVITEs to customers"] > 2 * ROUNDS, "agents hardly pressed"
    assert sum(happened for _, happened in outcome.played) > ROUNDS / 2, "hardly anything broke"
