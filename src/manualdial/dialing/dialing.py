"""The heart: press → session → number → verdict → journal, committed → engine → reply (contract §2).

One press is one call: the `requestId` is in the journal before the engine is asked, and the engine is asked once.
Nothing rings before its verdict and its evidence are on disk with it.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import msgspec
import structlog

from manualdial.bus.bus import Published
from manualdial.calls import Call, CallSignal, Cause, EndedBy, Ending, Report
from manualdial.dialing.attempt_evidence import evidence_of
from manualdial.dialing.dial_rate import DialRate
from manualdial.dialing.idempotency import AgentLocks, Idempotency
from manualdial.dialing.press import Press
from manualdial.errors import (
    AgentNotLoggedIn,
    CallInProgress,
    CallOutcomeUnknown,
    CallRefused,
    MakeCallFailed,
    ManualDialError,
    ServiceUnavailable,
)
from manualdial.evidence import Draft
from manualdial.law import Decision
from manualdial.law.verdict import sentence_of
from manualdial.live.call_progress import CallProgress
from manualdial.live.live_calls import Engines, LiveCalls, order_of
from manualdial.live.sessions import Sessions
from manualdial.ports import (
    AttemptsChanged,
    Clock,
    EngineRefused,
    EngineSilent,
    EngineUnavailable,
    EvidenceStore,
    RequestIdTaken,
    Store,
    StoreUnavailable,
)
from manualdial.screening.screener import Screened, Screener
from manualdial.tasks import Tasks
from manualdial.telemetry.metrics import Metrics
from manualdial.telemetry.tracing import Span

log = structlog.get_logger(__name__)

_JUDGED_AT_MOST = 10
"""How often a press is judged anew because others dialled the same person in that moment."""


class PressOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a press: its call as it is now, and whether it was made for an earlier press."""

    call: Call
    replay: bool
    published: Published | None = None
    """The first event of a call that was made for this press."""


class Dialing:
    """Turns presses into calls."""

    def __init__(
        self,
        *,
        engines: Engines,
        store: Store,
        chain: EvidenceStore,
        screener: Screener,
        sessions: Sessions,
        live_calls: LiveCalls,
        progress: CallProgress,
        idempotency: Idempotency,
        agent_locks: AgentLocks,
        rate: DialRate,
        clock: Clock,
        metrics: Metrics,
        span: Span,
        store_timeout: float,
        patience: float,
        lead_seconds: int,
    ) -> None:
        """`store_timeout` is how long the journal may take, in seconds.

        `patience` is how long a press may wait for its turn, in seconds: one that begins later could ring after
        whoever pressed was told that it took too long. `lead_seconds` is how long the agent's phone may ring: so much
        later the customer may be dialled, and calling hours must hold then too.
        """
        self._engines = engines
        self._store = store
        self._chain = chain
        self._screener = screener
        self._sessions = sessions
        self._live_calls = live_calls
        self._progress = progress
        self._idempotency = idempotency
        self._agent_locks = agent_locks
        self._rate = rate
        self._clock = clock
        self._metrics = metrics
        self._span = span
        self._store_timeout = store_timeout
        self._patience = patience
        self._lead_seconds = lead_seconds
        # Whoever pressed has had the refusal, or has gone and was told that it took too long.
        self._running = Tasks(expected=(ManualDialError,))

    async def press(self, press: Press) -> PressOutcome:
        """One press. Raises what contract §2 lists."""
        try:
            outcome = await self._run(press)
        except ManualDialError as error:
            self._metrics.press(error.error_type)
            raise
        self._metrics.press("replay" if outcome.replay else "called")
        return outcome

    async def screen(self, press: Press) -> Screened:
        """The verdict on a press at this moment; nothing rings for it."""
        question = msgspec.structs.replace(
            press.question, at=self._clock.now(), placing=True, lead_seconds=self._lead_seconds
        )
        with self._span("verdict"):
            screened = await self._screener.screen(question)
        seconds = self._clock.monotonic() - press.at
        self._metrics.since_press("verdict", seconds, outcome=screened.verdict.decision)
        return screened

    async def close(self, limit: float) -> None:
        """Let presses that are under way come to their end, for at most `limit` seconds."""
        await self._running.close(limit=limit)

    async def _run(self, press: Press) -> PressOutcome:
        """Go through with the press, even if whoever pressed goes away: half a press would be the worst of all."""
        return await asyncio.shield(self._running.start(self._in_turn(press)))

    async def _in_turn(self, press: Press) -> PressOutcome:
        """One press of an agent after the other: a second one finds what came of the first."""
        async with self._agent_locks.of(press.session.agent_id):
            self._require_patience(press)
            with self._sessions.pressing(press.session.agent_id):
                return await self._now(press)

    def _require_patience(self, press: Press) -> None:
        if self._clock.monotonic() - press.at > self._patience:
            raise ServiceUnavailable("the press waited too long for its turn")

    async def _now(self, press: Press) -> PressOutcome:
        """Repeat the earlier press, or judge this one, and refuse it or place the call."""
        try:
            if (recalled := self._idempotency.recall(press)) is not None:
                return PressOutcome(call=self._idempotency.same(press, recalled), replay=True)
            if (too_fast := self._rate.take_of_agent(press.session.agent_id)) is not None:
                return await self._earlier_or(too_fast, press)
            spent = False
            try:
                outcome = await self._judged_anew(press)
                spent = not outcome.replay
                return outcome
            except CallRefused:
                spent = True  # else asking for what is not allowed would cost nothing
                raise
            finally:
                if not spent:
                    self._rate.give_back_to_agent(press.session.agent_id)
        except StoreUnavailable as error:
            log.warning("no call without a journal", reason=str(error))
            raise MakeCallFailed("the journal is not available", retryable=True) from None

    async def _judged_anew(self, press: Press) -> PressOutcome:
        """Judge the press, and again where others have dialled the person meanwhile. Raises StoreUnavailable."""
        for _ in range(_JUDGED_AT_MOST):
            with suppress(AttemptsChanged):
                return await self._judged(press, await self.screen(press))
            self._require_patience(press)
        raise MakeCallFailed("the same person is being dialled by too many at once", retryable=True)

    async def _judged(self, press: Press, screened: Screened) -> PressOutcome:
        """Refuse the press or place the call, unless the journal has an earlier press that this one repeats.

        Raises AttemptsChanged where others have dialled the person since the verdict, and StoreUnavailable.
        """
        if (refusal := self._refusal(press, screened)) is not None:
            return await self._earlier_or(refusal, press, screened)
        call = self._new_call(press, screened)
        try:
            return await self._place(press, screened, call)
        except RequestIdTaken as taken:
            self._rate.give_back_to_engine(call.engine)
            async with self._journal_limit():
                earlier = await self._idempotency.find(press) or taken.call
        except (AttemptsChanged, StoreUnavailable):
            self._rate.give_back_to_engine(call.engine)
            raise
        if not self._idempotency.is_in_doubt(earlier):
            return PressOutcome(call=self._idempotency.same(press, earlier), replay=True)
        async with self._journal_limit():
            await self._idempotency.take_back(earlier)
        # Anew, under an id that the engine has never heard: what it made ready for the first may still be there.
        return await self._judged(press, await self.screen(press))

    async def _earlier_or(
        self, refusal: ManualDialError, press: Press, screened: Screened | None = None
    ) -> PressOutcome:
        """The call of the earlier press that this one repeats; else the refusal is raised."""
        async with self._journal_limit():
            earlier = await self._idempotency.find(press)
        if earlier is not None and not self._idempotency.is_in_doubt(earlier):
            return PressOutcome(call=self._idempotency.same(press, earlier), replay=True)
        if isinstance(refusal, CallRefused) and screened is not None:
            against = (rule.rule for rule in screened.verdict.rules if rule.decision is not Decision.ALLOW)
            self._metrics.blocked({rule.partition(".")[0] for rule in against})
            self._chain.record_evidence(self._evidence(press, screened, call=None))
            await self._written()
        raise refusal

    def _refusal(self, press: Press, screened: Screened) -> ManualDialError | None:
        """The error that refuses a press before it is written down; else the engine's right to a call is taken."""
        verdict = screened.verdict
        if verdict.decision is not Decision.ALLOW:
            return CallRefused(
                "screening refused the call",
                details={"verdict": verdict.to_builtins()},
                sentence=sentence_of(verdict),
                retryable=bool(screened.facts.missing),
            )
        if self._sessions.get(press.session.agent_id) is None:
            return AgentNotLoggedIn("the agent has logged out meanwhile")
        for call in self._live_calls.all_of_agent(press.session.agent_id):
            if call.is_live:
                return CallInProgress("the agent has a live call", details={"callId": call.id})
        if self._idempotency.is_full:
            return MakeCallFailed("too many presses wait for the journal to say what became of them", retryable=True)
        engine = self._engines.of_connector(press.connector)
        if not engine.ready:
            return MakeCallFailed("the engine is not there", retryable=True)
        return self._rate.take_of_engine(engine.name)

    async def _place(self, press: Press, screened: Screened, call: Call) -> PressOutcome:
        """Write the call down and ask the engine, which makes ready meanwhile and rings nobody before it is written.

        Raises RequestIdTaken, AttemptsChanged and StoreUnavailable where the journal does not take the call.
        """
        journalled = asyncio.create_task(self._journal(press, screened, call))
        try:
            call = await self._originate(call, journalled)
        except ManualDialError as error:
            self._metrics.since_press("accepted", self._clock.monotonic() - press.at, outcome=error.error_type)
            raise
        finally:
            journalled.cancel()  # where it is done already, as it is unless this is cancelled, it stays as it is
        self._metrics.since_press("accepted", self._clock.monotonic() - press.at, outcome="called")
        self._idempotency.was_called(call)
        return PressOutcome(call=call, replay=False, published=journalled.result())

    async def _journal(self, press: Press, screened: Screened, call: Call) -> Published:
        """Write the call down, committed, with its evidence; from then on it is live. Returns its first event."""
        evidence = self._evidence(press, screened, call=call)
        try:
            with self._span("journal"):
                async with self._journal_limit():
                    await self._store.record_press(
                        call, evidence=evidence, expects=screened.attempts_seen, relied_on=screened.relied_on
                    )
        except StoreUnavailable:
            self._idempotency.journal_was_silent(call)
            raise
        self._metrics.pressed(call.id, press.at)
        return self._progress.begin(call)

    def _evidence(self, press: Press, screened: Screened, *, call: Call | None) -> Draft:
        engine = self._engines.of_connector(press.connector).name
        return evidence_of(press, screened, call=call, engine=engine, at=self._clock.now())

    async def _originate(self, call: Call, journalled: asyncio.Task[Published]) -> Call:
        """Ask the engine, once. What it reported meanwhile counts for more than how its answer got lost."""
        end = self._progress.watch(call.id, lambda now: now.is_over)
        try:
            with self._span("engine"):
                await self._engines.of_call(call).originate(order_of(call), journalled)
        except (EngineRefused, EngineUnavailable) as error:
            await journalled  # where the journal says no as well, that counts: then there was no press
            log.warning("the engine did not take the call", call_id=call.id, reason=str(error))
            ending = Ending(by=EndedBy.SYSTEM, cause=Cause.FAILED)
            at = self._clock.now()
            self._progress.on_report(Report(call_id=call.id, signal=CallSignal.ENDED, at=at, ending=ending))
            await self._written()
            raise MakeCallFailed("the engine did not take the call", details={"callId": call.id}) from None
        except EngineSilent as error:
            await journalled
            log.warning("the engine did not say whether it took the call", call_id=call.id, reason=str(error))
            if self._progress.mark_unknown(call.id):
                raise CallOutcomeUnknown("the engine did not say", details={"callId": call.id}) from None
        finally:
            end.cancel()
        await journalled
        return self._live_calls.get(call.id) or (call if end.cancelled() else end.result().call)

    def _new_call(self, press: Press, screened: Screened) -> Call:
        now = self._clock.now()
        return Call(
            id=str(uuid.uuid4()),
            tenant_id=press.session.tenant_id,
            agent_id=press.session.agent_id,
            connector=press.connector,
            engine=self._engines.of_connector(press.connector).name,
            extension=press.session.extension,
            number=press.question.number,
            request_id=press.request_id,
            digest=press.digest,
            caller_id=press.caller_id,
            campaign_id=press.question.campaign_id,
            account_number=press.question.account_number,
            purpose=press.question.purpose,
            verdict=screened.verdict.encode(),
            requested_at=now,
            at=now,
        )

    async def _written(self) -> None:
        """Who is told that the press is over finds it so after a crash too, if the journal can take it."""
        with suppress(StoreUnavailable):
            async with self._journal_limit():
                await self._store.flush()

    @asynccontextmanager
    async def _journal_limit(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._store_timeout):
                yield
        except TimeoutError:
            raise StoreUnavailable("the journal took too long") from None
