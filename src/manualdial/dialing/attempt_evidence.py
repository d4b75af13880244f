"""The evidence of one attempt: who, whom, why, on which law, from which facts (16 CFR 310.5(a)(2))."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version

import msgspec

from manualdial import __version__
from manualdial.calls import Call
from manualdial.dialing.press import Press
from manualdial.evidence import Draft, Kind
from manualdial.places.place import Whereabouts
from manualdial.places.time_zone import TIME_ZONE_RULES
from manualdial.screening.screener import Screened


class _Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A part of the evidence."""


class _Agent(_Part, frozen=True, kw_only=True):
    id: str
    login_name: str
    name: str
    roles: Sequence[str]
    extension: str


class _Number(_Part, frozen=True, kw_only=True):
    typed: str
    e164: str
    region: str
    type: str
    extension: str | None = None


class _Software(_Part, frozen=True, kw_only=True):
    service: str
    time_zones: str
    numbering_plan: str
    holidays: str


class _Attempt(_Part, frozen=True, kw_only=True):
    """The ten items of the rule, and what the verdict stood on."""

    # The items of 16 CFR 310.5(a)(2)(i) to (x); number, date and time are in the link itself, length and outcome in
    # the link `outcome`.
    telemarketer: str
    seller: str
    goods: str
    script: str
    called_party: str
    outbound: bool
    prerecorded: bool
    caller_id: str | None
    caller_id_right: str

    agent: _Agent
    engine: str
    connector: str
    request_id: str | None = None
    number: _Number
    entry: str | None = None
    purpose: str
    purpose_named: bool
    """Whether the press named the purpose; else it is the tenant's."""
    zip_code: str | None = None
    """As the press gave it."""
    campaign_id: str | None = None
    account_number: str | None = None
    line: str
    located: Whereabouts
    numbered: Whereabouts
    records: Sequence[str] = ()
    """Ids of all records about the person that were in force."""
    relied_on: Sequence[str] = ()
    """Of those the ones without which some rule would have blocked."""
    overrides: Sequence[dict[str, str]] = ()
    verdict: msgspec.Raw
    judged_at: datetime
    software: _Software


_SOFTWARE = _Software(
    service=__version__,
    time_zones=TIME_ZONE_RULES,
    numbering_plan=version("phonenumbers"),
    holidays=version("holidays"),
)


def evidence_of(press: Press, screened: Screened, *, call: Call | None, engine: str, at: datetime) -> Draft:
    """The link about a press that became a `call`, or was refused and became none."""
    facts, question, number = screened.facts, press.question, press.question.number
    caller_id = press.caller_id or press.settings.engine_caller_id
    content = _Attempt(
        telemarketer=press.settings.seller.telemarketer,
        seller=press.settings.seller.seller,
        goods=press.settings.seller.goods,
        script=press.settings.seller.script,
        called_party=facts.party,
        outbound=True,
        prerecorded=False,
        caller_id=caller_id,
        caller_id_right="not set here: the engine decides" if caller_id is None else "configured by the operator",
        agent=_Agent(
            id=press.session.agent_id,
            login_name=press.session.login_name,
            name=press.session.name,
            roles=sorted(question.roles),
            extension=press.session.extension,
        ),
        engine=engine,
        connector=press.connector,
        request_id=press.request_id,
        number=_Number(
            typed=number.typed, e164=number.e164, region=number.region, type=number.type, extension=number.extension
        ),
        entry=question.entry,
        purpose=question.purpose,
        purpose_named=press.purpose_named,
        zip_code=press.zip_code,
        campaign_id=question.campaign_id,
        account_number=question.account_number,
        line=facts.line,
        located=facts.located,
        numbered=facts.numbered,
        records=[record.id for record in facts.records if record.counts_at(facts.at)],
        relied_on=screened.relied_on,
        overrides=[{"rule": wish.rule, "reason": wish.reason} for wish in facts.overrides],
        verdict=msgspec.Raw(screened.verdict.encode() if call is None else call.verdict),
        judged_at=facts.at,
        software=_SOFTWARE,
    )
    return Draft(
        tenant_id=press.session.tenant_id,
        kind=Kind.REFUSAL if call is None else Kind.ATTEMPT,
        at=at,
        number=number.e164,
        call_id=None if call is None else call.id,
        content=msgspec.json.encode(content),
    )
