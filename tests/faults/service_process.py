"""The service's process as the driver has it: started, killed, started again as an init system would."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from tests.support.waiting import until

_ROOT = Path(__file__).resolve().parents[2]
_LOAD_LIMIT = 60.0
_START_LIMIT = 20.0
_AGAIN_AFTER = 0.1
"""Seconds until the next start, where it ended by itself."""


class ServiceProcess:
    """The service, which is started again whenever it ends. Use it as an asynchronous context manager.

    `environment` is its configuration; its log goes to a file in `folder`.
    """

    def __init__(self, *, environment: Mapping[str, str], folder: Path) -> None:
        self.log = folder / "service.log"
        self.lives = 0
        """How often it was started."""
        self.ended_by_itself: list[int] = []
        """The statuses with which it ended though nobody had ended it."""
        self.may_fail_to_start = False
        """What it needs to start is away, so it may end by itself before it serves."""
        self.offset = 0.0
        """What its clock is ahead by, in seconds."""
        self.ended_at: list[float] = []
        """When its lives ended (time.time)."""
        self._environment = dict(environment)
        self._socket = folder / "orders"
        self._logger: subprocess.Popen[bytes] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._server: asyncio.Server | None = None
        self._supervision: asyncio.Task[None] | None = None
        self._orders: asyncio.StreamWriter | None = None
        self._pid: int | None = None
        self._is_doomed = False
        self._serving = asyncio.Event()
        self._next_kill: tuple[str | None, int] = (None, 1)

    async def __aenter__(self) -> ServiceProcess:
        self._server = await asyncio.start_unix_server(self._greet, self._socket)
        # By way of a pipe: a limit on what the service may write to files does not hit its log.
        with self.log.open("ab") as log:
            self._logger = _logger(log)
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.faults.service", str(self._socket),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=self._logger.stdin,
            env={**os.environ, **self._environment}, cwd=_ROOT,
        )  # fmt: skip
        self._supervision = asyncio.create_task(self._supervise(self._process))
        try:
            await self.until_serving(_LOAD_LIMIT)
        except TimeoutError:
            await self.__aexit__(None, None, None)
            raise RuntimeError(f"the service does not start: {self.log.read_text()[-2000:]}") from None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._supervision is not None:
            self._supervision.cancel()
            await asyncio.wait([self._supervision])
        self.kill()
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        if self._server is not None:
            self._server.close()
        if self._logger is not None:
            await asyncio.to_thread(self._logger.communicate)

    # ── what is done to it ──

    @property
    def is_serving(self) -> bool:
        """Whether it takes connections, as far as is known."""
        return self._serving.is_set()

    @property
    def pid(self) -> int | None:
        """Of the life that it lives now."""
        return self._pid

    def kill(self) -> None:
        """End it as a power cut would, at once. It is started again."""
        self._end(signal.SIGKILL)

    def terminate(self) -> None:
        """End it as an administrator would. It is started again."""
        self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """Let it do nothing, and keep its connections."""
        if self._pid is not None:
            os.kill(self._pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """End a freeze."""
        if self._pid is not None:
            os.kill(self._pid, signal.SIGCONT)

    def kill_at(self, step: str | None, *, after: int = 1, from_start: bool = False) -> None:
        """Have it die at a step, in this life or, `from_start`, in the next; None: let it live."""
        self._is_doomed = step is not None
        if from_start:
            self._next_kill = (step, after)
        else:
            self._next_kill = (None, 1)
            self._order({"kill_at": step, "after": after})

    def limit_files(self, limited: bool) -> None:
        """Let it write no byte to any file, or again as much as it likes."""
        if self._pid is not None:
            _, hard = resource.prlimit(self._pid, resource.RLIMIT_FSIZE)
            resource.prlimit(self._pid, resource.RLIMIT_FSIZE, (1 if limited else hard, hard))

    def step_clock(self, seconds: float) -> None:
        """Set its wall clock forward, or back where `seconds` is negative. It stays so over a restart."""
        self.offset += seconds
        self._order({"clock": self.offset})

    async def until_serving(self, limit: float = _START_LIMIT) -> None:
        """Return when it takes connections. Raises TimeoutError."""
        async with asyncio.timeout(limit):
            await self._serving.wait()

    async def until_next_life(self, lives: int, limit: float = _START_LIMIT) -> None:
        """Return when it serves in a life after that one. Raises TimeoutError."""
        await until(lambda: self.lives > lives and self.is_serving, limit)

    def _end(self, number: signal.Signals) -> None:
        if self._pid is not None:
            self._is_doomed = True
            self._serving.clear()
            os.kill(self._pid, number)

    def _order(self, order: Mapping[str, Any]) -> None:
        if self._orders is not None and not self._orders.is_closing():
            self._orders.write(json.dumps(order).encode() + b"\n")

    # ── what it tells ──

    async def _supervise(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        while True:
            process.stdin.write(b"\n")
            self._pid = int((await process.stdout.readline()).split()[1])
            self.lives += 1
            ended = await process.stdout.readline()
            self._pid = None
            failed_to_start = not self._serving.is_set()
            self._serving.clear()
            self._orders = None
            self.ended_at.append(time.time())
            doomed, self._is_doomed = self._is_doomed, False
            if not doomed and not (failed_to_start and self.may_fail_to_start):
                self.ended_by_itself.append(int(ended.split()[1]))
            if not doomed:
                await asyncio.sleep(_AGAIN_AFTER)

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        (step, after), self._next_kill = self._next_kill, (None, 1)
        self._is_doomed = self._is_doomed or step is not None
        self._orders = writer
        self._order({"clock": self.offset, "kill_at": step, "after": after})
        try:
            while line := await reader.readline():
                if "url" in json.loads(line):
                    self._serving.set()
        except ConnectionError:
            pass  # it was killed
        finally:
            writer.close()


def _logger(log: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=log)
