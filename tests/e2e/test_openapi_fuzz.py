"""schemathesis against the whole service: whatever is asked, the answer is one that the OpenAPI document tells of."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.support.running_service import press, running_service

pytestmark = pytest.mark.asyncio(loop_scope="session")

# Whether a message of good form is taken depends on its address and on what has happened, which no schema can say.
LEFT_OUT = "positive_data_acceptance"
# What comes in is read more kindly than the document asks for it: flags may be words, keys of any case.
KINDLY_READ = """
[[operations]]
include-path = ["/v1/messages", "/v1/checks"]
checks.negative_data_rejection.enabled = false
"""
LIMIT = 180.0
"""Seconds; it takes some thirty."""


async def test_whatever_is_asked_the_answer_is_in_the_document(folder: Path, tmp_path: Path) -> None:
    settings = {"AUTHENTICATION_ADDRESS_ATTEMPTS": "1000000"}
    async with running_service(folder, **settings) as service:
        desk = await service.desk()
        (tmp_path / "schemathesis.toml").write_text(KINDLY_READ)
        url = f"http://127.0.0.1:{service.port}/schema/openapi.json"
        fuzzing = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()", "run", url,
            "--header", f"Authorization: Bearer {await service.token()}", "--seed", "20260302", "--max-examples", "40",
            "--exclude-checks", LEFT_OUT, "--no-color",
            cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            async with asyncio.timeout(LIMIT):
                output, _ = await fuzzing.communicate()
        finally:
            if fuzzing.returncode is None:
                fuzzing.kill()
                await fuzzing.wait()
        assert fuzzing.returncode == 0, output.decode()
        await desk.close()
        status = await service.get("/status", None)
        assert status.json()["ok"] is True
        again = await service.desk()
        await again.ask("Amazon/InboundCall/Disconnect")
        await again.ask("Amazon/InboundCall/ClearContact")
        assert (await press(again))["replay"] is False
