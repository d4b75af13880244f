"""The screener: gathers the facts about a dial and has them judged. What it cannot learn blocks (contract §5)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

import msgspec
import structlog

from manualdial.callers import Role
from manualdial.law import Decision, Purpose, Verdict
from manualdial.law.closure import Closure
from manualdial.law.facts import EVERY, Facts, ScreeningSettings, WantedOverride, all_places, located
from manualdial.law.judge import LOOK_AHEAD, judge, next_permitted_at, registries_asked
from manualdial.law.policies import Policies
from manualdial.law.records import Record, Residence
from manualdial.law.registry_look import RegistryLook, RegistryUnreadable
from manualdial.numbers import PhoneNumber
from manualdial.places.by_number import of_number
from manualdial.places.place import Whereabouts
from manualdial.ports import AttemptsSeen, Clock, ContactHistory, Person, RecordStore, Registries, StoreUnavailable
from manualdial.tasks import Pace, repeat

log = structlog.get_logger(__name__)

_MOST_ENDS = 20
"""Ends of records that are looked at for the next permitted time; where there are more before it, none is told."""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """May this number be called?"""

    tenant_id: str
    number: PhoneNumber
    purpose: Purpose
    at: datetime
    settings: ScreeningSettings
    campaign_id: str | None = None
    account_number: str | None = None
    entry: str | None = None
    zip_code: str | None = None
    own_number: str | None = None
    roles: frozenset[Role] = frozenset()
    overrides: tuple[WantedOverride, ...] = ()
    placing: bool = False
    """Whether it is about to be dialled."""
    lead_seconds: int = 0
    """How long after `at` the customer may be dialled."""

    @property
    def person(self) -> Person:
        """Who is called."""
        return Person(number=self.number.e164, account_number=self.account_number)


class Screened(msgspec.Struct, frozen=True, kw_only=True):
    """The answer, and what it stands on."""

    verdict: Verdict
    facts: Facts
    relied_on: tuple[str, ...]
    """Ids of the records without which some rule would have blocked."""
    attempts_seen: AttemptsSeen | None
    """The earlier dials that were counted; None where no rule counted any."""


class _Case(msgspec.Struct, frozen=True, kw_only=True):
    """Conclusions from where a person is."""

    located: Whereabouts
    numbered: Whereabouts
    since: datetime
    """From when on earlier dials may count."""


class _Known(msgspec.Struct, frozen=True, kw_only=True):
    """The database's answer about one person."""

    records: ContactHistory
    since: datetime
    """From when on it told of dials."""
    missing: bool = False
    """Whether it could not be asked."""


def _end_of_a_record(facts: Facts) -> datetime | None:
    """When the first of the records ends that count."""
    return min((each.until for each in facts.records if each.until and each.counts_at(facts.at)), default=None)


class Closures:
    """Asks the database every so often, so that what an operator closes is closed within that time."""

    def __init__(self, *, store: RecordStore, clock: Clock, interval: float, stale_after: float) -> None:
        """`interval` and `stale_after` in seconds: how often is asked, and how old an answer may be."""
        self._store = store
        self._clock = clock
        self._interval = interval
        self._stale_after = stale_after
        self._known: tuple[Closure, ...] = ()
        self._asked_at: float | None = None

    async def run(self) -> None:
        """Ask for as long as the service runs."""
        away = (StoreUnavailable, TimeoutError)
        await repeat(self._renew, every=self._interval, failing="the closures are not known", expected=away)

    async def load(self) -> None:
        """Ask once. Raises StoreUnavailable."""
        asked_at = self._clock.monotonic()
        self._known = tuple(await self._store.closures(ending_after=self._clock.now()))
        self._asked_at = asked_at

    async def _renew(self) -> None:
        async with asyncio.timeout(self._stale_after):
            await self.load()

    def current(self, tenant_id: str) -> Sequence[Closure] | None:
        """Those of a tenant, also those still to come; None where the last answer is too old to be relied on."""
        if self._asked_at is None or self._clock.monotonic() - self._asked_at > self._stale_after:
            return None
        return [closure for closure in self._known if closure.tenant_id in (None, tenant_id)]


class Screener:
    """Asks the database once, everything else is at hand."""

    def __init__(
        self,
        *,
        store: RecordStore,
        registries: Registries,
        closures: Closures,
        policies: Policies,
        no_place: str,
        store_timeout: float,
    ) -> None:
        """`no_place`: see `law.facts.located`; `store_timeout` in seconds."""
        self._store = store
        self._registries = registries
        self._closures = closures
        self._policies = policies
        self._no_place = no_place
        self._store_timeout = store_timeout

    async def screen(self, question: Question) -> Screened:
        """Judge one dial. Does not raise for what it cannot learn: the verdict says so."""
        (screened,) = await self.screen_all([question])
        return screened

    async def screen_all(self, questions: Sequence[Question]) -> Sequence[Screened]:
        """Judge dials of one tenant, all in one question to the database, or two. Others have their turns meanwhile."""
        pace = Pace()
        deadline = asyncio.get_running_loop().time() + self._store_timeout
        cases = []
        for question in questions:
            cases.append(self._case(question, ()))
            await pace.keep()
        found = list(await self._on_record(questions, min(case.since for case in cases), deadline))
        # What is on record may put somebody where calls are counted further back.
        further = {}
        for index, (question, known) in enumerate(zip(questions, found, strict=True)):
            if known.records.records:
                cases[index] = case = self._case(question, known.records.records)
                if case.since < known.since:
                    further[index] = case.since
                await pace.keep()
        if further:
            again = [questions[index] for index in further]
            for index, known in zip(
                further, await self._on_record(again, min(further.values()), deadline), strict=True
            ):
                found[index], cases[index] = known, self._case(questions[index], known.records.records)
        screened = []
        for question, case, known in zip(questions, cases, found, strict=True):
            screened.append(self._judge(question, case, known))
            await pace.keep()
        return screened

    async def _on_record(self, questions: Sequence[Question], since: datetime, deadline: float) -> Sequence[_Known]:
        people = [question.person for question in questions]
        try:
            async with asyncio.timeout_at(deadline):
                found = await self._store.contact_history(questions[0].tenant_id, people, attempts_since=since)
        except (StoreUnavailable, TimeoutError) as error:
            log.warning("screening without what is on record", reason=str(error))
            return [_Known(records=ContactHistory(records=(), attempts=()), since=since, missing=True)] * len(questions)
        return [_Known(records=one, since=since) for one in found]

    def _case(self, question: Question, records: Sequence[Record]) -> _Case:
        """Where the person is as far as these records tell."""
        contents = (record.content for record in records if record.counts_at(question.at))
        whereabouts = located(
            question.number,
            zip_code=question.zip_code,
            residences=[content for content in contents if isinstance(content, Residence)],
            no_place=self._no_place,
        )
        numbered = of_number(question.number)
        looks_back = self._policies.looks_back(all_places(whereabouts, numbered), question.purpose)
        return _Case(located=whereabouts, numbered=numbered, since=question.at - looks_back)

    def _judge(self, question: Question, case: _Case, known: _Known) -> Screened:
        missing = ["what is on record about the number"] if known.missing else []
        found = known.records
        closures = self._closures.current(question.tenant_id)
        if closures is None:
            missing.append("which jurisdictions are closed")
        facts = Facts(
            at=question.at,
            number=question.number,
            purpose=question.purpose,
            campaign_id=question.campaign_id,
            entry=question.entry,
            located=case.located,
            numbered=case.numbered,
            records=found.records,
            attempts=found.attempts,
            closures=tuple(closures or ()),
            own_number=question.own_number,
            settings=question.settings,
            roles=question.roles,
            overrides=question.overrides,
            placing=question.placing,
            lead_seconds=question.lead_seconds,
        )
        looks = self._looks(facts, missing)
        facts = msgspec.structs.replace(facts, looks=looks, missing=tuple(missing))
        judgement = judge(facts, self._policies)
        verdict = judgement.verdict
        if verdict.decision is not Decision.ALLOW and not missing:
            verdict = self._with_what_ends(verdict, question, facts)
        seen = AttemptsSeen(person=question.person, since=known.since, count=len(found.attempts))
        return Screened(
            verdict=verdict,
            facts=facts,
            relied_on=judgement.relied_on,
            attempts_seen=seen if judgement.counted else None,
        )

    def _with_what_ends(self, verdict: Verdict, question: Question, facts: Facts) -> Verdict:
        """Where a record ends before the next permitted time: the first such time that is one without it."""
        permitted, limit = verdict.next_permitted_at, question.at + LOOK_AHEAD
        for _ in range(_MOST_ENDS):
            end = _end_of_a_record(facts)
            if end is None or end > (permitted or limit):
                break
            case = self._case(msgspec.structs.replace(question, at=end), facts.records)
            facts = msgspec.structs.replace(facts, at=end, located=case.located)
            facts = msgspec.structs.replace(facts, looks=self._looks(facts, []))
            permitted = next_permitted_at(facts, self._policies)
        else:
            permitted = None
        if permitted is not None and permitted > limit:
            permitted = None
        return msgspec.structs.replace(verdict, next_permitted_at=permitted)

    def _looks(self, facts: Facts, missing: list[str]) -> dict[str, RegistryLook]:
        required = facts.settings.registries
        looks = {}
        for name in registries_asked(facts, self._policies):
            if name not in required and EVERY not in required:
                continue
            try:
                look = self._registries.look_up(name, facts.number.e164)
            except RegistryUnreadable as error:
                log.warning("a copy of a registry cannot be read", registry=name, reason=str(error))
                missing.append(f"the registry {name}")
                continue
            if look is not None:
                looks[name] = look
        return looks
