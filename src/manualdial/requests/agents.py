"""The requests about an agent: login, states, mute (contract §4, topics Agent and App)."""

from __future__ import annotations

from dataclasses import dataclass

from manualdial import numbers
from manualdial.agents import AgentState, AgentStateType, agent_state, extension_of, is_extension
from manualdial.callers import Caller, Role
from manualdial.calls import Action
from manualdial.errors import (
    AgentNotLoggedIn,
    AgentStateNotFound,
    CallInProgress,
    MalformedMessage,
    NotPermitted,
    UpdateAgentStateFailed,
)
from manualdial.live.live_calls import Engines, LiveCalls
from manualdial.live.sessions import Sessions
from manualdial.ports import EngineRefused, EngineSilent, EngineUnavailable
from manualdial.requests.request import Reply, Request
from manualdial.wire import views
from manualdial.wire.addresses import (
    AGENT_STATES,
    AGENT_SYNC,
    CALL_SYNC,
    LOGIN_SUCCESS,
    LOGOUT_SUCCESS,
    SET_AGENT_STATE,
)
from manualdial.wire.envelope import Outgoing, reply
from manualdial.wire.messages.agents import ApplicationState, Login, Logout, SetNotReady, UpdateState
from manualdial.wire.messages.incoming import NoData


@dataclass(frozen=True, kw_only=True, eq=False)
class AgentRequests:
    """The requests of the topics Agent and App. They answer on the connector that they came in on."""

    sessions: Sessions
    live_calls: LiveCalls
    engines: Engines
    default_region: str

    async def application_state(self, request: Request, _data: NoData) -> Reply:
        """App/StateSync: the service is there."""
        return Reply(address=request.address, message=ApplicationState())

    async def login(self, request: Request, data: Login) -> Reply:
        """Agent/Login. A second login joins the open one, and changes nothing of it."""
        caller = request.caller
        if not caller.is_agent:
            raise NotPermitted("only a user with the role agent logs in as an agent")
        extension = str(data.extension or caller.extension or extension_of(caller.login_name))
        if not is_extension(extension):
            raise MalformedMessage(
                "extension has 1 to 64 letters, digits or . _ + -", details={"path": "data.extension"}
            )
        region = (data.region or caller.region or self.default_region).strip().upper()
        if not numbers.is_region(region):
            raise MalformedMessage("region is an ISO 3166 code", details={"path": "data.region"})
        if numbers.is_emergency(extension, region=region):
            raise MalformedMessage("extension is an emergency number", details={"path": "data.extension"})
        self.sessions.open(caller, connector=request.address.channel, extension=extension, region=region)
        await self.sessions.written()
        session = self.sessions.require(caller.user_id)
        return Reply(address=LOGIN_SUCCESS.address.on(request.address.channel), message=views.agent_sync(session))

    async def logout(self, request: Request, data: Logout) -> Reply:
        """Agent/Logout. An administrator may name another user of the tenant."""
        agent_id = request.caller.user_id
        if data.user_id is not None and str(data.user_id) != agent_id:
            agent_id = self._agent_of_the_tenant(request, str(data.user_id))
        self.sessions.require(agent_id)
        if self.sessions.is_in_call(agent_id):
            call = self.live_calls.of_agent(agent_id)
            details = {} if call is None else {"callId": call.id}
            raise CallInProgress("the agent has a live call, or one that is being made", details=details)
        session = self.sessions.end(agent_id)
        address = LOGOUT_SUCCESS.address.on(request.address.channel)
        if agent_id != request.caller.user_id:
            self.sessions.tell_logged_out(session)
        await self.sessions.written()
        return Reply(address=address, message=views.logged_out(session))

    async def state(self, request: Request, _data: NoData) -> Reply:
        """Agent/StateSync; before login the login state alone."""
        session = self.sessions.get(request.caller.user_id)
        message = views.not_logged_in() if session is None else views.agent_sync(session)
        return Reply(address=request.address, message=message)

    def snapshots(self, caller: Caller) -> tuple[Outgoing, Outgoing]:
        """Agent/StateSync and InboundCall/StateSync of a caller who may have missed events."""
        session = self.sessions.get(caller.user_id)
        connector = session.connector if session else self.sessions.default_connector
        agent = views.agent_sync(session) if session else views.not_logged_in()
        calls = views.call_sync(self.live_calls.all_of_agent(caller.user_id), self.engines.actions_of)
        return reply(AGENT_SYNC.address.on(connector), agent), reply(CALL_SYNC.address.on(connector), calls)

    async def list_states(self, request: Request, _data: NoData) -> Reply:
        """Agent/GetStates, also asked as GetAgentState."""
        return Reply(address=AGENT_STATES.address.on(request.address.channel), message=views.listed_states())

    async def update_state(self, request: Request, data: UpdateState) -> Reply:
        """Agent/UpdateState: ends in a SetAgentState event, also if nothing changes."""
        name = data.label or (None if data.code is None else str(data.code))
        if name is None:
            raise AgentStateNotFound("label or code names the state")
        return await self._choose(request, agent_state(name), reason_code=None)

    async def set_not_ready(self, request: Request, data: SetNotReady) -> Reply:
        """Agent/SetNotReady, with the reason code of the operator's list."""
        reason_code = None if data.reason_code_id is None else str(data.reason_code_id)
        return await self._choose(request, agent_state("Not Ready"), reason_code=reason_code)

    async def mute(self, request: Request, _data: NoData) -> Reply:
        """Agent/Mute: the customer hears the agent no more. For the call; the next one starts unmuted."""
        return await self._mute(request, muted=True)

    async def unmute(self, request: Request, _data: NoData) -> Reply:
        """Agent/Unmute."""
        return await self._mute(request, muted=False)

    async def _choose(self, request: Request, state: AgentState, *, reason_code: str | None) -> Reply:
        agent_id = request.caller.user_id
        self.sessions.require(agent_id)
        if state.type is AgentStateType.SYSTEM:
            raise UpdateAgentStateFailed("a system state follows from calls and cannot be chosen")
        self.sessions.choose_state(agent_id, state)
        await self.sessions.written()
        # As it is now: events that were published meanwhile are not taken back by this one.
        event = views.set_agent_state(self.sessions.require(agent_id), event=state.label, reason_code=reason_code)
        return Reply(address=SET_AGENT_STATE.address.on(request.address.channel), message=event)

    async def _mute(self, request: Request, *, muted: bool) -> Reply:
        agent_id = request.caller.user_id
        self.sessions.require(agent_id)
        call = self.live_calls.of_agent(agent_id)
        if call is None or not call.is_live:
            raise UpdateAgentStateFailed("muting is for a call", sentence="You are not in a call.")
        if Action.MUTE not in self.engines.actions_of(call):
            raise UpdateAgentStateFailed("the engine of the call cannot mute")
        try:
            await self.engines.of_call(call).mute(call.id, muted=muted)
        except (EngineRefused, EngineUnavailable, EngineSilent):
            raise UpdateAgentStateFailed("the engine did not do it", retryable=True) from None
        self.sessions.set_muted(agent_id, muted=muted)
        await self.sessions.written()
        session = self.sessions.require(agent_id)
        event = views.set_agent_state(session, event=session.state.label, reason_code=None)
        return Reply(address=SET_AGENT_STATE.address.on(request.address.channel), message=event)

    def _agent_of_the_tenant(self, request: Request, agent_id: str) -> str:
        if Role.ADMIN not in request.caller.roles:
            raise NotPermitted("only an administrator logs out somebody else")
        session = self.sessions.get(agent_id)
        if session is None or session.tenant_id != request.caller.tenant_id:
            raise AgentNotLoggedIn("no such agent is logged in")
        return agent_id
