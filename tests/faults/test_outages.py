"""What was told just before a death may be lost; more of it while the database was away."""

from __future__ import annotations

from tests.faults.outages import Outages


def test_only_what_was_told_just_before_a_death_may_be_lost() -> None:
    outages = Outages(died_at=[100.0])

    assert outages.may_be_lost(99.5)
    assert not outages.may_be_lost(98.0)
    assert not outages.may_be_lost(100.5)


def test_while_the_database_is_away_it_is_all_that_was_told_since() -> None:
    outages = Outages(died_at=[100.0], database_away=[(95.0, 97.0)])

    assert outages.may_be_lost(94.5)
    assert outages.may_be_lost(96.0)
    assert not outages.may_be_lost(93.0)
    assert not outages.may_be_lost(98.0)


def test_a_death_long_after_the_database_is_back_loses_nothing() -> None:
    assert not Outages(died_at=[110.0], database_away=[(95.0, 97.0)]).may_be_lost(96.0)
