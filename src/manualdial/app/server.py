"""The ways in, introduced to a cell."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import asdict

from manualdial.app.cell import Cell
from manualdial.config import Config, ConfigurationError
from manualdial.identity.token_secret import token_secret
from manualdial.identity.tokens import Identity
from manualdial.ports import Clock, Store
from manualdial.tasks import Tasks
from manualdial.transports.http import http_app
from manualdial.transports.server import Server
from manualdial.transports.websocket import BusEndpoint


def identity_of(config: Config, *, store: Store, clock: Clock) -> Identity:
    """Who is who, by password and token. Raises ConfigurationError."""
    options = asdict(config.authentication)  # with the names that an Identity has for them
    secret = _token_secret(options.pop("secret_file"))
    return Identity(store=store, clock=clock, secret=secret, **options)


def server_of(config: Config, cell: Cell, identity: Identity) -> Server:
    """The ways in: not listening yet."""
    under_way = Tasks()
    endpoint = BusEndpoint(
        dispatcher=cell.dispatcher,
        gone=cell.registration.gone,
        under_way=under_way,
        clock=cell.clock,
        register_timeout=config.server.register_timeout,
        ping_interval=config.server.ping_interval,
        max_reader_lag=config.server.max_reader_lag,
        max_requests=config.server.max_requests,
        max_connections=config.server.max_connections,
        max_incoming_rate=config.server.max_incoming_rate,
        allowed_origins=config.server.allowed_origins,
        observe_closed=cell.metrics.closed,
    )
    http = http_app(
        dispatcher=cell.dispatcher,
        identity=identity,
        records=cell.history,
        screening=cell.screening,
        under_way=under_way,
        status=cell.dependencies.health,
        metrics=cell.figures,
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


def _token_secret(path: str) -> bytes:
    try:
        return token_secret(Path(path))
    except ValueError as fault:
        raise ConfigurationError(f"authentication.secret_file: {fault}") from None
