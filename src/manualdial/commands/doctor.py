"""`manualdial doctor`: what the service needs, looked at one by one, and what to mend."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.text import Text

from manualdial.app.adapters import store_for
from manualdial.commands.ari_checks import check_asterisk
from manualdial.commands.configuration import ConfigFile, configuration, file_in_force, missing_file
from manualdial.commands.failure import FAILED, single
from manualdial.commands.machine_checks import (
    Diagnosis,
    Level,
    check_clock,
    check_file_rights,
    check_port,
    check_secret,
    fail,
    ok,
    warn,
)
from manualdial.commands.screening_checks import check_screening
from manualdial.commands.terminal import json_line, output
from manualdial.config import Config, ConfigurationError, EngineKind
from manualdial.plain_text import counted, printable
from manualdial.ports import StoreUnavailable

_EXAMPLE = "Example: manualdial doctor --config /etc/manualdial.toml"

_STYLES = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "bold red"}


def doctor(
    config: ConfigFile = None, as_json: Annotated[bool, typer.Option("--json", help="As one JSON list.")] = False
) -> None:
    """Look at everything the service needs, and say what to mend. Exit code 1 when something fails.

    It may run beside the service.
    A database that is there is brought up to date, as `serve` does; nothing else is changed or made.
    """
    findings = asyncio.run(_examine(config))
    if as_json:
        output().out(json_line([msgspec.to_builtins(finding) for finding in findings]))
    else:
        _show(findings)
    if any(finding.level is Level.FAIL for finding in findings):
        raise typer.Exit(FAILED)


def _show(findings: list[Diagnosis]) -> None:
    out = output()
    for finding in findings:
        line = Text().append(f"{finding.level.value:<5}", style=_STYLES[finding.level])
        out.print(line.append(f" {finding.subject:<14} {printable(finding.text)}"))
        if finding.mend:
            out.print(Text(f"{'':<20} → {printable(finding.mend)}"))


async def _examine(chosen: Path | None) -> list[Diagnosis]:
    file = file_in_force(chosen)
    try:
        config = configuration(chosen)
    except ConfigurationError as error:
        return [fail("configuration", str(error), "see docs/configuration.md for every option"), check_clock()]
    where = f"{file} and the environment" if file else "no file: defaults and the environment"
    findings = [ok("configuration", where)]
    if (open_to_all := check_file_rights(file)) is not None:
        findings.append(open_to_all)
    findings += [await _check_database(config), check_secret(Path(config.authentication.secret_file))]
    if config.engine.kind is EngineKind.ASTERISK:
        findings += [finding async for finding in check_asterisk(config.engine.asterisk)]
    else:
        mend = "set engine.kind to asterisk for real calls"
        findings.append(warn("engine", "the simulator: no real call is made", mend))
    findings += check_screening(config)
    findings += [check_clock(), await check_port(config.server.host, config.server.port)]
    return findings


async def _check_database(config: Config) -> Diagnosis:
    subject = "database"
    missing = missing_file(config.storage.url)
    if missing is not None:
        folder = next(above for above in missing.absolute().parents if above.exists())
        if folder.is_dir() and os.access(folder, os.W_OK):
            return ok(subject, f"{missing} will be made at the first start")
        return fail(subject, f"{missing} is missing and cannot be made", "let this user write in its folder")
    try:
        async with store_for(config) as store:
            health = await store.health()
            users = await store.users()
    except ConfigurationError as error:
        return fail(subject, str(error), "see storage.url in docs/configuration.md")
    except StoreUnavailable as error:
        return fail(subject, f"not available: {error}", "see that it runs, and that storage.url names it")
    if not health.ok:
        return fail(subject, health.detail, "see that it runs, has room, and that this user may write")
    if not users:
        mend = "manualdial user add NAME --tenant TENANT"
        return warn(subject, "up to date and writable, but nobody can sign in", mend)
    well = f"up to date and writable, {counted(len(users), 'user')}"
    inhabited = {user.tenant.casefold() for user in users}
    if strangers := tuple(name for name in config.tenants if name.casefold() not in inhabited):
        mend = f"see that the settings spell it as `manualdial user list` does, or add a user of {strangers[0]}"
        return warn(subject, f"{well}, but nobody of the tenant {strangers[0]} of the settings", mend)
    return ok(subject, well)


application = single(doctor, example=_EXAMPLE)
