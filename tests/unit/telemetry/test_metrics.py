"""metrics: what /metrics tells."""

from __future__ import annotations

import re

from manualdial.calls import CallSignal, Cause, EndedBy
from manualdial.telemetry.metrics import Metrics
from tests.support.calls import TO_CONNECTED, a_call, after
from tests.support.core import Core, Desk


def figures(metrics: Metrics) -> dict[str, float]:
    """Every sample by its name and labels."""
    text = metrics.text(live_calls=1, agents=2, readers=3, commits=4).decode()
    samples = re.findall(r"^(\w+(?:\{[^}]*\})?) ([\d.e+-]+)$", text, re.MULTILINE)
    return {name: float(value) for name, value in samples}


def test_gauges_tell_how_it_is_now() -> None:
    told = figures(Metrics())
    assert told["manualdial_live_calls"] == 1
    assert told["manualdial_agents_logged_in"] == 2
    assert told["manualdial_readers"] == 3


def test_the_text_is_prometheus_text() -> None:
    text = Metrics().text(live_calls=0, agents=0, readers=0, commits=0).decode()
    assert "# TYPE manualdial_press_seconds histogram" in text
    assert "# HELP manualdial_presses_total" in text


async def test_a_call_leaves_its_milestones_and_its_end(core: Core, desk: Desk) -> None:
    call_id = (await desk.press())["message"]["dial"]["callId"]
    core.clock.move(0.5)
    await core.engine.report(call_id, CallSignal.AGENT_RINGING, CallSignal.AGENT_ANSWERED)
    core.clock.move(2)
    await core.engine.connect(call_id)
    await desk.ask("Amazon/InboundCall/Hold")
    await desk.ask("Amazon/InboundCall/Resume")
    await core.engine.end(call_id)
    await desk.ask("Amazon/InboundCall/ClearContact")
    told = figures(core.metrics)
    for milestone, outcome in (
        ("verdict", "allow"),
        ("accepted", "called"),
        ("ringing", "called"),
        ("answered", "called"),
    ):
        assert told[f'manualdial_press_seconds_count{{milestone="{milestone}",outcome="{outcome}"}}'] == 1, milestone
    assert told['manualdial_press_seconds_sum{milestone="ringing",outcome="called"}'] == 0.5
    assert told['manualdial_press_seconds_sum{milestone="answered",outcome="called"}'] == 2.5
    assert told['manualdial_presses_total{outcome="called"}'] == 1
    assert told['manualdial_calls_ended_total{by="customer",cause="normal"}'] == 1
    assert told["manualdial_deliveries_total"] > 0


async def test_presses_are_counted_by_their_outcome(core: Core, desk: Desk) -> None:
    await desk.press()
    await desk.press()
    await desk.press("911", "press-2")
    await desk.press("+12025550123", "press-3")
    told = figures(core.metrics)
    counted = {name: value for name, value in told.items() if name.startswith("manualdial_presses_total")}
    assert counted == {
        'manualdial_presses_total{outcome="called"}': 1,
        'manualdial_presses_total{outcome="replay"}': 1,
        'manualdial_presses_total{outcome="PHONE_NUMBER_INVALID"}': 1,
        'manualdial_presses_total{outcome="CALL_IN_PROGRESS"}': 1,
    }


async def test_what_a_client_makes_up_is_no_label(core: Core, desk: Desk) -> None:
    for address in ("LCM/Made/Up", "Amazon/+12025550100/x", "Bus/Session/Nothing"):
        await desk.ask(address, {})
    await desk.send("{")
    told = figures(core.metrics)
    labels = {name for name in told if name.startswith("manualdial_requests_total") and "unknown" in name}
    assert labels == {
        'manualdial_requests_total{address="unknown",outcome="UNKNOWN_ADDRESS"}',
        'manualdial_requests_total{address="unknown",outcome="MALFORMED_MESSAGE"}',
    }
    assert not any("Made" in name or "5550100" in name for name in told)


async def test_requests_are_counted_by_address_and_outcome(core: Core, desk: Desk) -> None:
    await desk.ask("amazon/app/statesync")
    told = figures(core.metrics)
    assert told['manualdial_requests_total{address="Amazon/App/StateSync",outcome="ok"}'] == 1


def test_a_call_from_before_the_start_has_an_end_and_no_times() -> None:
    metrics = Metrics()
    for signals in (TO_CONNECTED[:1], TO_CONNECTED):
        metrics.call_state(after(a_call(), *signals), at=0)
    over = after(a_call(), CallSignal.ENDED)
    metrics.call_state(over, at=0)
    told = figures(metrics)
    assert 'manualdial_press_seconds_count{milestone="ringing",outcome="called"}' not in told
    assert told[f'manualdial_calls_ended_total{{by="{EndedBy.SYSTEM}",cause="{Cause.UNKNOWN}"}}'] == 1


def test_the_commits_of_the_journal_are_counted_once() -> None:
    metrics = Metrics()
    metrics.text(live_calls=0, agents=0, readers=0, commits=3)
    text = metrics.text(live_calls=0, agents=0, readers=0, commits=5).decode()
    assert "manualdial_journal_commits_total 5.0" in text
