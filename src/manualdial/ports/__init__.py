"""Everything that the core asks of the outside, as Protocols. The contract of each is in its docstrings.

Who waits, who limits: no method here has a time limit of its own unless it says so; the caller sets one.
Cancelling a call of a method leaves the outcome open; whoever cancels asks again.
"""

from manualdial.ports.authenticator import Authenticator
from manualdial.ports.clock import Clock, Health
from manualdial.ports.engine import (
    Engine,
    EngineRefused,
    EngineSilent,
    EngineUnavailable,
    Originate,
    Orphan,
    Reconnected,
)
from manualdial.ports.evidence import CallLinks, EvidenceStore
from manualdial.ports.records import ContactHistory, Person, RecordStore, Registries
from manualdial.ports.store import (
    AttemptsChanged,
    AttemptsSeen,
    CallHistory,
    CallQuery,
    LoginNameTaken,
    RequestIdTaken,
    Storage,
    Store,
    StoredChange,
    StoreUnavailable,
)
