"""One press of a client, from the request to the end of its call, as far as its messages have come."""

from __future__ import annotations

from manualdial.client.messages import Message, call_of, error_of, refusal_line
from manualdial.plain_text import part, printable

PRESS_ADDRESS = "LCM/Webservice/ManualDialCall"

_OUTCOME_UNKNOWN = "CALL_OUTCOME_UNKNOWN"
_SENTENCES = {
    "busy": "The line is busy.",
    "no_answer": "Nobody answered.",
    "rejected": "The call was rejected.",
    "invalid_number": "There is no such number.",
    "congestion": "The network is congested.",
    "cancelled": "The call was cancelled before the answer.",
    "timeout": "The call took too long.",
    "failed": "The call could not be made.",
}


class FollowedPress:
    """Knows what became of a press; each message of the bus is shown to `take`."""

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self.call_id: str | None = None
        self.states: list[str] = []
        """The states of the call, each once in a row, oldest first."""
        self.ending: Message = {}
        self.reply: Message | None = None
        """`message.dial` of the reply."""
        self.error: Message | None = None
        """`data` of the ApiError that answered the press."""

    def take(self, message: Message) -> bool:
        """Whether the message is about this press: its answer, or a state event of its call."""
        dial = call_of(message)
        if dial is not None:
            return self._take_state(dial)
        if message.get("requestId") != self.request_id:
            return False
        self.error = error_of(message)
        if self.error is None:
            self.reply = part(message, "message", "dial")
        answer = self.reply if self.error is None else part(self.error, "details")
        self.call_id = self.call_id or (answer or {}).get("callId")
        if self.reply is not None and self.reply.get("replay"):
            self._into(str(self.reply.get("state")))
        return True

    def _take_state(self, dial: Message) -> bool:
        if self.call_id is None and dial.get("requestId") == self.request_id:
            self.call_id = str(dial.get("callId"))
        if self.call_id is None or dial.get("callId") != self.call_id:
            return False
        self.ending = dial.get("ending") or self.ending
        self._into(str(dial.get("state")))
        return True

    def _into(self, state: str) -> None:
        if self.state != state:
            self.states.append(state)

    @property
    def state(self) -> str | None:
        """The state of the call."""
        return self.states[-1] if self.states else None

    @property
    def is_answered(self) -> bool:
        """Whether its reply or its ApiError has come."""
        return self.reply is not None or self.error is not None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self._is_refused or (self.is_answered and (self.state == "ended" or self.was_checked))

    @property
    def was_checked(self) -> bool:
        """Whether it was a dry run."""
        return self.reply is not None and self.reply.get("state") == "checked"

    @property
    def is_good(self) -> bool:
        """Whether the customer was reached; of a dry run, whether the number may be called."""
        if self.was_checked:
            return bool(self.verdict.get("decision") == "allow")
        return "connected" in self.states or "held" in self.states

    @property
    def verdict(self) -> Message:
        """The verdict of the screening, in the reply or in the refusal."""
        return part(self.reply, "verdict") or part(self.error, "details", "verdict") or {}

    @property
    def number(self) -> str:
        """The number in E.164 where the answer tells it, else empty."""
        return printable(part(self.reply, "number", "e164") or "")

    def outcome(self) -> str:
        """The outcome, in one sentence."""
        if self.was_checked:
            purpose = part(self.reply, "purpose")
            judged = f", judged as {printable(purpose)}" if purpose else ""
            return f"{self.number}: {printable(self.verdict.get('decision'))}{judged}."
        if self.error is not None and (self._is_refused or not self.ending):
            return refusal_line(self.error)
        if self.is_good:
            return f"Connected; ended by the {printable(self.ending.get('by', 'agent'))}."
        if self.reply is not None and self.reply.get("replay") and not self.ending:
            return "This press was made before, and its call has ended; nothing was dialled."
        cause = str(self.ending.get("cause"))
        if cause == "no_answer" and self.ending.get("by") == "agent":
            return "Your own phone was not answered."
        return _SENTENCES.get(cause, "The call ended before the customer was reached.")

    @property
    def _is_refused(self) -> bool:
        """Whether it was answered by an error after which no call is there. An unknown outcome may still turn up."""
        return self.error is not None and self.error.get("errorType") != _OUTCOME_UNKNOWN


def press_data(
    number: str,
    *,
    region: str | None = None,
    purpose: str | None = None,
    zip_code: str | None = None,
    campaign_id: str | None = None,
    account_number: str | None = None,
    dry_run: bool = False,
) -> Message:
    """`data` of the request; what is left out or empty is not in it."""
    said: Message = {
        "Region": region,
        "Purpose": purpose,
        "ZipCode": zip_code,
        "CampaignID": campaign_id,
        "AccountNumber": account_number,
        "DryRun": dry_run,
    }
    return {"PhoneNumber": number} | {name: value for name, value in said.items() if value}
