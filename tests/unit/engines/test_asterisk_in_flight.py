"""The phases of a call of the engine for Asterisk, and which calls it remembers."""

from __future__ import annotations

import pytest

from manualdial.engines.asterisk.in_flight import CallsInFlight, Move, Phase, TrackedCall
from tests.unit.engines.small_asterisk import order

TABLE = """
            place     undo    give_up   find   see       bring     brought   hold  resume
  placing   followed  undone  given_up  found  -         bringing  -         -     -
  followed  -         -       -         -      -         bringing  -         held  -
  bringing  -         -       -         found  -         -         followed  held  -
  held      -         -       -         -      -         -         -         -     followed
  found     -         -       -         -      followed  -         -         -     -
  given_up  -         -       -         -      -         -         -         -     -
  undone    -         -       -         -      -         -         -         -     -
"""
MOVES, *ROWS = (line.split() for line in TABLE.strip().splitlines())


def test_the_table_names_every_phase_and_every_move() -> None:
    assert {row[0] for row in ROWS} == set(Phase)
    assert set(MOVES) == set(Move)


@pytest.mark.parametrize(
    ("phase", "move", "expected"),
    [(row[0], move, cell) for row in ROWS for move, cell in zip(MOVES, row[1:], strict=True)],
)
def test_a_move_leads_where_the_table_says_and_else_changes_nothing(phase: str, move: str, expected: str) -> None:
    call = TrackedCall.of(order(), Phase(phase))

    assert call.moves(Move(move)) is (expected != "-")

    assert call.phase == (phase if expected == "-" else expected)


@pytest.mark.parametrize(("dialled", "phase"), [(True, Phase.FOLLOWED), (False, Phase.FOUND)])
def test_a_call_that_was_dialled_or_found_has_ended_when_it_is_no_longer_tracked(dialled: bool, phase: Phase) -> None:
    in_flight = CallsInFlight()
    call = in_flight.add(order(), phase)
    call.agent.dial_sent = dialled

    assert in_flight.remove(call)

    assert in_flight.get(call.id) is None
    assert in_flight.has_ended(call.id)
    assert not in_flight.remove(call)


def test_a_call_that_nobody_dialled_is_over_and_may_be_ordered_again() -> None:
    in_flight = CallsInFlight()
    call = in_flight.add(order(), Phase.UNDONE)

    in_flight.remove(call)

    assert in_flight.is_over(call.id)
    assert not in_flight.has_ended(call.id)
