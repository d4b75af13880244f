"""The count finds what must not be, in a run that was spoilt by hand, and nothing in one that was not."""

from __future__ import annotations

import pytest

from manualdial.evidence import Kind as LinkKind
from tests.faults.count import Evidence, Kind, count
from tests.faults.evidence import AGENT, GoodRun
from tests.faults.outages import Outages
from tests.faults.record import Answer, Standing, Told


def kinds(evidence: Evidence) -> list[Kind]:
    """Which kinds of violations are counted, each time that they are."""
    return [violation.kind for violation in count(evidence).violations]


@pytest.fixture
def run() -> GoodRun:
    return GoodRun()


def answer(run: GoodRun, state: str, *, call_id: str | None = None, error: str = "") -> Answer:
    """One more answer to the first press."""
    return Answer(at=run.press.at + 0.1, call_id=call_id or run.call_id, state=state, replay=True, error=error)


def test_a_good_run_has_no_violation_and_its_totals(run: GoodRun) -> None:
    counted = count(run.evidence())

    assert counted.violations == []
    assert counted.totals == {
        "presses": 2, "answers to presses": 2, "calls": 2, "INVITEs to agents": 2, "INVITEs to customers": 2,
        "events told": 18,
    }  # fmt: skip
    assert counted.of_round[1]["calls"] == 1


def test_two_invites_to_the_customer_are_found(run: GoodRun) -> None:
    run.customer[run.call_id].add("another")
    assert kinds(run.evidence()) == [Kind.CUSTOMER_TWICE]


def test_two_invites_to_the_agents_phone_are_found(run: GoodRun) -> None:
    run.agent[run.call_id].add("another")
    assert kinds(run.evidence()) == [Kind.AGENT_TWICE]


def test_two_calls_for_one_press_are_found_where_the_answers_name_them(run: GoodRun) -> None:
    run.press.answers.append(answer(run, "requested", call_id="another"))
    run.agent["another"] = {"b"}
    assert set(kinds(run.evidence())) == {Kind.TWO_CALLS, Kind.NOT_IN_JOURNAL}


def test_two_calls_for_one_press_are_found_where_the_journal_has_them(run: GoodRun) -> None:
    run.calls.append(run.calls[0] | {"callId": "another"})
    assert set(kinds(run.evidence())) == {Kind.TWO_CALLS, Kind.NOT_ONE_ROW}


def test_an_acknowledged_press_without_a_row_is_found(run: GoodRun) -> None:
    del run.agent[run.call_id], run.customer[run.call_id]
    run.press.answers[:] = [answer(run, "ended")]
    run.calls.pop(0)
    run.application.told.clear()
    assert kinds(run.evidence()) == [Kind.NOT_ONE_ROW]


def test_a_press_that_was_acknowledged_as_called_and_rang_nobody_is_found(run: GoodRun) -> None:
    del run.agent[run.call_id], run.customer[run.call_id]
    assert kinds(run.evidence()) == [Kind.NEVER_RANG]


@pytest.mark.parametrize("state", ["unknown", "ended"])
def test_a_press_that_was_answered_unknown_or_ended_need_not_have_rung(run: GoodRun, state: str) -> None:
    del run.agent[run.call_id], run.customer[run.call_id]
    run.press.answers[:] = [answer(run, state), answer(run, "", error="CALL_OUTCOME_UNKNOWN")]
    assert kinds(run.evidence()) == []


def test_only_the_death_of_asterisk_in_the_same_instant_excuses_that_nobody_was_rung(run: GoodRun) -> None:
    del run.agent[run.call_id], run.customer[run.call_id]

    excused = count(run.evidence(asterisk_dying=[(run.press.at + 0.2, run.press.at + 1.0)]))
    assert excused.violations == []
    assert len(excused.excused) == 1
    assert run.call_id in excused.excused[0]
    assert kinds(run.evidence(asterisk_dying=[(run.press.at + 1, run.press.at + 2)])) == [Kind.NEVER_RANG]


def test_an_invite_without_a_row_is_found(run: GoodRun) -> None:
    run.customer["nobody's"] = {"c"}
    assert kinds(run.evidence()) == [Kind.NOT_IN_JOURNAL]


def test_an_invite_that_names_no_call_is_found(run: GoodRun) -> None:
    assert kinds(run.evidence(nameless={"c"})) == [Kind.NOT_IN_JOURNAL]


@pytest.mark.parametrize(("state", "kind"), [("connected", Kind.NOT_ENDED), ("unknown", Kind.UNSETTLED)])
def test_a_call_that_did_not_end_is_found(run: GoodRun, state: str, kind: Kind) -> None:
    run.calls[0]["state"] = state
    assert kind in kinds(run.evidence())


def test_a_gap_in_a_history_is_found(run: GoodRun) -> None:
    run.calls[0]["states"].pop(4)
    run.application.told.clear()
    assert kinds(run.evidence()) == [Kind.HISTORY]


def test_times_that_go_back_are_found_but_where_the_clock_was_set_back_during_the_call(run: GoodRun) -> None:
    run.calls[0]["states"][3]["at"] = "2026-11-23T09:00:00.000Z"

    assert kinds(run.evidence()) == [Kind.HISTORY]
    assert kinds(run.evidence(clock_set_back_at=[run.press.at + 1])) == []
    assert kinds(run.evidence(clock_set_back_at=[run.press.at - 1])) == [Kind.HISTORY]


def test_an_event_that_was_told_twice_is_found(run: GoodRun) -> None:
    run.application.told.append(run.application.told[-1])
    assert set(kinds(run.evidence())) == {Kind.EVENTS, Kind.NOT_WRITTEN}


def test_events_that_were_told_in_another_order_are_found(run: GoodRun) -> None:
    told = run.application.told
    told[1], told[2] = told[2], told[1]
    assert Kind.EVENTS in kinds(run.evidence())


def test_an_earlier_state_after_a_gap_is_found_but_where_the_service_was_started_again(run: GoodRun) -> None:
    again = run.application.told[3]._replace(stretch=1)
    run.application.told.append(again)
    assert kinds(run.evidence()) == [Kind.EVENTS]

    run.application.told[-1] = again._replace(epoch="two")
    assert kinds(run.evidence()) == []


def test_states_that_were_missed_in_a_gap_are_none_of_the_readers_concern(run: GoodRun) -> None:
    told = run.application.told
    told[:9] = [told[0], told[8]._replace(stretch=1)]
    assert kinds(run.evidence()) == []


def test_a_state_that_was_told_and_not_written_is_found(run: GoodRun) -> None:
    states = run.calls[0]["states"]
    held = Told(call_id=run.call_id, state="held", leg="customer", stretch=0, epoch="one", at=run.press.at)
    back = held._replace(state="connected")
    run.application.told[6:6] = [held, back]

    assert kinds(run.evidence()) == [Kind.NOT_WRITTEN]
    assert kinds(run.evidence(outages=Outages(died_at=[run.press.at - 1]))) == [Kind.NOT_WRITTEN]
    assert kinds(run.evidence(outages=Outages(died_at=[run.press.at + 0.5]))) == []

    states[6:6] = [states[5] | {"state": "held", "step": 6}, states[5] | {"step": 7}]
    for line in states[8:]:
        line["step"] += 2
        line["at"] = states[-1]["at"]
    states[6]["at"] = states[7]["at"] = states[5]["at"]
    assert kinds(run.evidence()) == []


def test_a_call_that_was_told_and_never_written_is_found_even_where_the_service_died(run: GoodRun) -> None:
    told = run.application.told[0]._replace(call_id="another")
    run.application.told.append(told)
    assert kinds(run.evidence(outages=Outages(died_at=[told.at]))) == [Kind.NOT_WRITTEN]


def test_a_break_of_a_stream_is_found(run: GoodRun) -> None:
    run.application.breaks.append("expected one:3, one:5 came")
    assert kinds(run.evidence()) == [Kind.STREAM]


@pytest.mark.parametrize("state", ["Busy", "After Call Work", "Not Ready", ""])
def test_an_agent_who_is_left_in_another_state_than_the_chosen_one_is_found(run: GoodRun, state: str) -> None:
    run.record.standings[:] = [Standing(agent_id=AGENT, state=state, chosen=frozenset({"Available"}), calls=[])]
    assert kinds(run.evidence()) == [Kind.AGENT_LEFT]


def test_an_agent_to_whom_a_call_is_left_is_found(run: GoodRun) -> None:
    run.record.standings[0].calls.append(f"{run.call_id} connected")
    assert kinds(run.evidence()) == [Kind.AGENT_LEFT]


@pytest.mark.parametrize(
    ("incident", "kind"),
    [
        ("login lost", Kind.LOGIN_LOST),
        ("a state that the agent did not choose", Kind.AGENT_LEFT),
        ("stuck", Kind.STUCK),
        ("a press without a definite answer", Kind.STUCK),
        ("an answer that no press should get", Kind.REFUSED),
    ],
)
def test_what_a_client_met_is_counted(run: GoodRun, incident: str, kind: Kind) -> None:
    run.record.incident(incident, AGENT)
    assert kinds(run.evidence()) == [kind]


def test_what_is_left_in_asterisk_and_an_end_of_the_service_by_itself_are_counted(run: GoodRun) -> None:
    assert kinds(run.evidence(left=["channel"], service_ended_by_itself=[1])) == [Kind.LEFT_OVER, Kind.SERVICE_ENDED]


@pytest.mark.parametrize(
    "links",
    [
        [],
        [LinkKind.ATTEMPT],
        [LinkKind.OUTCOME],
        [LinkKind.ATTEMPT, LinkKind.ATTEMPT, LinkKind.OUTCOME],
        [LinkKind.ATTEMPT, LinkKind.OUTCOME, LinkKind.OUTCOME],
        [LinkKind.ATTEMPT, LinkKind.RETRACTION],
    ],
)
def test_a_call_without_its_two_links_of_evidence_is_found(run: GoodRun, links: list[LinkKind]) -> None:
    run.links[run.call_id] = links
    assert kinds(run.evidence()) == [Kind.NO_EVIDENCE]


def test_evidence_of_a_call_that_the_journal_does_not_have_says_that_it_was_taken_back(run: GoodRun) -> None:
    run.links["gone"] = [LinkKind.ATTEMPT, LinkKind.RETRACTION]
    assert kinds(run.evidence()) == []
    run.links["gone"] = [LinkKind.ATTEMPT]
    assert kinds(run.evidence()) == [Kind.NO_EVIDENCE]


def test_a_chain_that_does_not_hold_is_found(run: GoodRun) -> None:
    assert kinds(run.evidence(broken="link 7")) == [Kind.CHAIN]
