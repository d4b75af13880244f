"""The OpenAPI document holds: schemathesis makes requests of it, good and bad, and compares the answers."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.support.small_service import small_service

# Two things of a good message that a schema cannot say: the address has to be one that is served, and a requestId and
# an Idempotency-Key have to be the same.
LEFT_OUT = "positive_data_acceptance"


async def test_every_answer_is_one_that_the_document_tells_of(tmp_path: Path) -> None:
    async with small_service(attempts=1_000_000) as service:
        service.go_on.set()
        authorization = f"Authorization: Bearer {await service.token('sue')}"
        command = [
            sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()", "run",
            f"{service.server.url}/schema/openapi.json", "--header", authorization,
            "--max-examples", "30", "--seed", "1", "--exclude-checks", LEFT_OUT, "--no-color",
        ]  # fmt: skip
        fuzzing = await asyncio.create_subprocess_exec(
            *command, cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        try:
            async with asyncio.timeout(120):
                output, _ = await fuzzing.communicate()
        finally:
            if fuzzing.returncode is None:
                fuzzing.kill()
                await fuzzing.wait()
    assert fuzzing.returncode == 0, output.decode()
