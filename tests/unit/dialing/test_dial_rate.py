"""dial_rate: token buckets, whose wait is told and never taken in silence."""

from __future__ import annotations

from manualdial.dialing.dial_rate import DialRate
from tests.support.moved_clock import MovedClock


class Rate:
    """A rate and its clock."""

    def __init__(self, *, agent_rate: float = 0.0, engine_rate: float = 0.0) -> None:
        self.clock = MovedClock()
        self.rate = DialRate(
            clock=self.clock, agent_rate=agent_rate, agent_burst=2, engine_rate=engine_rate, engine_burst=3
        )

    def wait(self, agent: str = "ann") -> int:
        refusal = self.rate.take_of_agent(agent)
        if refusal is None and (refusal := self.rate.take_of_engine("Simulator")) is not None:
            self.rate.give_back_to_agent(agent)
        return 0 if refusal is None else int(refusal.details["retryAfter"])


def test_without_a_rate_nobody_waits() -> None:
    rate = Rate()
    assert [rate.wait() for _ in range(1000)] == [0] * 1000


def test_an_agent_may_begin_a_burst_and_then_as_many_as_the_rate_says() -> None:
    rate = Rate(agent_rate=0.1)
    assert [rate.wait(), rate.wait(), rate.wait()] == [0, 0, 10]
    rate.clock.move(9.5)
    assert rate.wait() == 1
    rate.clock.move(0.5)
    assert [rate.wait(), rate.wait()] == [0, 10]


def test_one_agents_calls_cost_another_nothing() -> None:
    rate = Rate(agent_rate=0.1)
    assert [rate.wait("ann"), rate.wait("ann"), rate.wait("ann"), rate.wait("bob")] == [0, 0, 10, 0]


def test_all_agents_together_are_bound_by_the_engines_rate() -> None:
    rate = Rate(engine_rate=0.5)
    assert [rate.wait(name) for name in ("ann", "bob", "cid", "dan")] == [0, 0, 0, 2]


def test_who_is_refused_by_one_limit_takes_nothing_of_the_other() -> None:
    rate = Rate(agent_rate=0.1, engine_rate=0.01)
    assert [rate.wait("ann"), rate.wait("ann"), rate.wait("ann")] == [0, 0, 10]
    assert rate.wait("bob") == 0


def test_a_call_that_was_not_made_is_given_back() -> None:
    rate = Rate(agent_rate=0.1)
    assert [rate.wait(), rate.wait()] == [0, 0]
    rate.rate.give_back_to_agent("ann")
    assert [rate.wait(), rate.wait()] == [0, 10]


def test_a_call_that_was_not_begun_is_given_back_to_all() -> None:
    rate = Rate(engine_rate=0.5)
    assert [rate.wait() for _ in range(4)] == [0, 0, 0, 2]
    rate.rate.give_back_to_engine("Simulator")
    assert [rate.wait(), rate.wait()] == [0, 2]


def test_no_pause_makes_more_than_a_burst() -> None:
    rate = Rate(agent_rate=100.0)
    rate.clock.move(3600)
    assert [rate.wait(), rate.wait(), rate.wait()] == [0, 0, 1]
