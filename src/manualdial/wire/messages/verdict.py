"""May this number be called, now, by this agent (contract §5)."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from manualdial.wire.messages.outbound import Outbound


class RuleResult(Outbound, frozen=True, kw_only=True):
    """What one rule of the screening said."""

    rule: str
    decision: str
    reason: str
    evidence: dict[str, Any]
    law: str | UnsetType = UNSET


class PolicyName(Outbound, frozen=True, kw_only=True):
    """Which policy judged."""

    name: str
    version: str


class Verdict(Outbound, frozen=True, kw_only=True):
    """May this number be called, now, by this agent (contract §5)."""

    decision: str
    rules: list[RuleResult]
    overridable: bool
    policy: PolicyName
    next_permitted_at: str | UnsetType = UNSET
