"""The ways in, introduced to the core."""

from __future__ import annotations

from pathlib import Path

from manualdial.agent_requests import AgentRequests
from manualdial.app.core import Core
from manualdial.config import Config, ConfigurationError
from manualdial.dial_requests import DialRequests
from manualdial.dispatcher import Dispatcher
from manualdial.history import History
from manualdial.registration import Registration
from manualdial.routes import AMAZON, routes
from manualdial.tasks import Tasks
from manualdial.transports.http import http_app
from manualdial.transports.identity import Identity
from manualdial.transports.server import Server
from manualdial.transports.token_secret import token_secret
from manualdial.transports.websocket import BusEndpoint


def server_of(core: Core) -> Server:
    """The ways in: not listening yet."""
    config = core.config
    identity = Identity(
        store=core.store,
        clock=core.clock,
        secret=_token_secret(config),
        token_lifetime=config.authentication.token_lifetime,
        attempts=config.authentication.attempts,
        attempt_interval=config.authentication.attempt_interval,
        address_attempts=config.authentication.address_attempts,
        address_attempt_interval=config.authentication.address_attempt_interval,
    )
    registration = Registration(bus=core.bus, sessions=core.sessions, authenticator=identity, snapshots=core.snapshots)
    table = routes(
        connectors=(AMAZON, core.engine.name),
        dialing=DialRequests(dialing=core.dialing, store=core.store),
        screening=core.screening,
        control=core.control,
        agents=AgentRequests(
            sessions=core.sessions,
            live_calls=core.live_calls,
            engine=core.engine,
            default_region=config.dialing.default_region,
        ),
        registration=registration,
    )
    dispatcher = Dispatcher(
        bus=core.bus,
        routes=table.by_key,
        published_only=table.published_only,
        channels=table.channels,
        limit=config.server.request_timeout,
        tracing=core.tracing,
        observe=core.metrics.request,
    )
    under_way = Tasks()
    endpoint = BusEndpoint(
        dispatcher=dispatcher,
        gone=registration.gone,
        under_way=under_way,
        clock=core.clock,
        register_timeout=config.server.register_timeout,
        ping_interval=config.server.ping_interval,
        max_reader_lag=config.server.max_reader_lag,
        max_requests=config.server.max_requests,
        max_connections=config.server.max_connections,
        max_incoming_rate=config.server.max_incoming_rate,
        allowed_origins=config.server.allowed_origins,
        observe_closed=core.metrics.closed,
    )
    http = http_app(
        dispatcher=dispatcher,
        identity=identity,
        records=History(store=core.store),
        screening=core.screening,
        under_way=under_way,
        status=core.dependencies,
        metrics=lambda: core.metrics.text(
            live_calls=len(core.live_calls),
            agents=len(core.sessions),
            readers=core.bus.readers,
            commits=core.store.commits,
        ),
        metrics_open=config.server.open_metrics,
        body_timeout=config.server.register_timeout,
        allowed_origins=config.server.allowed_origins,
    )
    return Server(
        app=http,
        endpoint=endpoint,
        under_way=under_way,
        host=config.server.host,
        port=config.server.port,
        stop_limit=config.server.shutdown_timeout,
        trusted_proxies=config.server.trusted_proxies,
    )


def _token_secret(config: Config) -> bytes:
    try:
        return token_secret(Path(config.authentication.secret_file))
    except ValueError as fault:
        raise ConfigurationError(f"authentication.secret_file: {fault}") from None
