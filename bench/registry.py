"""What a do-not-call registry of full size costs: its import, its file, and a look into it; beside SQL on a part of it.

The list is made up: as many numbers as the national registry of the United States has, spread evenly over 335 area
codes, as `area code,number` lines in ascending order. It is read from the page cache. SQL gets its first five million
numbers, since the whole would take it many minutes; each database is loaded in the fastest way its driver has.
"""

from __future__ import annotations

import asyncio
import atexit
import functools
import json
import random
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import numpy as np

from bench.database import Database, databases
from bench.table import Row, percentile
from manualdial.law.registry_look import RegistryStanding
from manualdial.registries import HeldCopies
from manualdial.registries.edition import ImportKind
from manualdial.registries.importing import Order, import_registry
from manualdial.registries.numbering import plan_of_registry

FULL = 250_000_000
PART = 5_000_000
"""What SQL gets."""
LOOKS = 200_000
SQL_LOOKS = 10_000
REACH_IMPORT = 5_000_000
REACH_BYTES = 400_000_000
REACH_LOOK = 10e-6
NAME = "us-national"

_AREA_CODES = [code for code in range(201, 990) if code % 100 != 11][:335]
_EXCHANGES = [code for code in range(200, 1000) if code % 100 != 11]
_WIDTH = len("202,5550100\n")
_BYTES_OF_A_NUMBER = _WIDTH + 5
"""On the disk while it is imported: its line, its place in a part, and in the copy."""
_PIECE = 1 << 24


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """The list of full size as it was taken in."""

    held: Path
    """The folder of the copy."""
    part: Path
    """The beginning of the list: what SQL gets."""
    numbers: int
    imported: dict[str, Any]
    looks: dict[str, Any]


def measure(numbers: int = FULL) -> list[Row]:
    """Run it; the rows of the table. With fewer `numbers`, the rows say so."""
    one = made(numbers)
    with tempfile.TemporaryDirectory(prefix="manualdial-bench-") as name:
        return _rows(one) + _measure_part(one.part, Path(name))


@functools.cache
def made(numbers: int) -> Made:
    """Make up the list, import it and look into the copy; once a run. What is on the disk goes with the process.

    A list of `PART` numbers where the disk is too small for more.
    """
    folder = Path(tempfile.mkdtemp(prefix="manualdial-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    if shutil.disk_usage(folder).free < 2 * _BYTES_OF_A_NUMBER * numbers:
        numbers = PART
    full, part, held = folder / "full.txt", folder / "part.txt", folder / "full"
    written = write_list(full, numbers)
    with full.open("rb") as whole:
        part.write_bytes(whole.read(PART * _WIDTH))
    imported = _child("import", full, held)
    looks = _child("look", full, held)
    full.unlink()
    return Made(held=held, part=part, numbers=written, imported=imported, looks=looks)


def write_list(path: Path, numbers: int) -> int:
    """Make up a list of about so many numbers. Returns how many there are."""
    chance = np.random.default_rng(7)
    exchanges = np.repeat(np.array(_EXCHANGES, np.uint32), 10_000)
    rest = exchanges * np.uint32(10_000) + np.tile(np.arange(10_000, dtype=np.uint32), len(_EXCHANGES))
    lines = np.full((len(rest), _WIDTH), ord(","), np.uint8)
    lines[:, -1] = ord("\n")
    for column in range(10, 3, -1):
        lines[:, column] = rest % 10 + ord("0")
        rest //= np.uint32(10)
    share = numbers / len(_AREA_CODES) / len(lines)
    written = 0
    with path.open("wb") as file:
        for code in _AREA_CODES:
            chosen = lines[chance.random(len(lines), np.float32) < share]
            chosen[:, :3] = np.frombuffer(str(code).encode(), np.uint8)
            chosen.tofile(file)
            written += len(chosen)
    return written


# ── ours ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _rows(one: Made) -> list[Row]:
    imported, looks, numbers = one.imported, one.looks, one.numbers
    size = (one.held / f"{NAME}.registry").stat().st_size
    rate = numbers / imported["seconds"]
    slowest = max(looks["hit"][1], looks["miss"][1])
    many = f"{numbers / 1e6:.0f} million numbers"
    return [
        Row(
            what=f"import of a registry, {many} in plain text, two cores",
            measured=f"{rate / 1e6:.1f} million numbers/s, {imported['seconds']:.1f} s",
            reach=f"≥ {REACH_IMPORT / 1e6:.0f} million/s",
            reached=rate >= REACH_IMPORT,
        ),
        Row(
            what="peak memory of that import, mapped files included",
            measured=f"{imported['memory'] / 1e6:.0f} MB",
            reach="< 1,000 MB",
            reached=imported["memory"] < 1e9,
        ),
        Row(
            what=f"file of a registry, {many}",
            measured=f"{size / 1e6:.0f} MB",
            reach=f"≤ {REACH_BYTES / 1e6:.0f} MB" if numbers > FULL / 2 else "",
            reached=size <= REACH_BYTES if numbers > FULL / 2 else None,
        ),
        Row(
            what=f"look-up in {many}, random: hit p50 / p99, miss p50 / p99",
            measured=f"{_microseconds(*looks['hit'])}, {_microseconds(*looks['miss'])}",
            reach="p99 < 10 µs",
            reached=slowest < REACH_LOOK,
        ),
        Row(
            what="memory that a process needs for itself to look up in it; the rest is shared with all others",
            measured=f"{looks['memory'] / 1024:.0f} KiB",
        ),
    ]


def _child(*arguments: object) -> dict[str, Any]:
    """A part of the measurement, in a process of its own, since its memory is measured too."""
    command = [sys.executable, "-m", "bench.registry", *map(str, arguments)]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return found


def _import(source: Path, held: Path) -> dict[str, Any]:
    began = time.perf_counter()
    _import_into(source, held)
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


def _import_into(source: Path, held: Path) -> None:
    plan = plan_of_registry(NAME)
    assert plan is not None
    now = datetime.now(UTC)
    order = Order(
        registry=NAME,
        edition="made up",
        as_of=now,
        kind=ImportKind.FULL,
        sources=(source,),
        plan=plan,
        covered=("1",),
    )
    import_registry(order, held, now=now)


def _look(source: Path, held: Path) -> dict[str, Any]:
    numbers = list(_asked(source, LOOKS))
    before = _own_memory()
    registries = HeldCopies(held)
    for number in numbers:
        registries.look_up(NAME, number)
    memory = _own_memory() - before
    times: dict[RegistryStanding, list[float]] = {standing: [] for standing in RegistryStanding}
    for number in numbers:
        began = time.perf_counter()
        look = registries.look_up(NAME, number)
        took = time.perf_counter() - began
        assert look is not None
        times[look.standing].append(took)
    return {
        "hit": _ends(times[RegistryStanding.LISTED]),
        "miss": _ends(times[RegistryStanding.NOT_LISTED]),
        "memory": memory,
    }


def _own_memory() -> int:
    """Bytes of this process that it shares with no other."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon:")]
    return int(line.split()[1]) * 1024


def _asked(source: Path, count: int) -> Iterator[str]:
    """Numbers to look up: by turns one of the list, and one of the same codes that may be in it or not."""
    chance = random.Random(11)
    lines = source.stat().st_size // _WIDTH
    with source.open("rb") as file:
        for _ in range(count // 2):
            file.seek(chance.randrange(lines) * _WIDTH)
            yield "+1" + file.read(_WIDTH - 1).decode().replace(",", "")
            yield f"+1{chance.choice(_AREA_CODES)}{chance.choice(_EXCHANGES)}{chance.randrange(10_000):04}"


# ── beside SQL ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _measure_part(source: Path, folder: Path) -> list[Row]:
    held = folder / "part"
    began = time.perf_counter()
    _import_into(source, held)
    rate = source.stat().st_size / _WIDTH / (time.perf_counter() - began)
    size = (held / f"{NAME}.registry").stat().st_size
    asked = list(_asked(source, SQL_LOOKS))
    registries = HeldCopies(held)
    look = _timed(lambda number: registries.look_up(NAME, number), asked)
    rows = []
    with databases() as (found, missing):
        for database in found:
            rows.append(_beside(database, source, asked, (rate, size, look)))
    if missing:
        rows.append(Row(what="the same list in PostgreSQL", measured=f"not measured: {missing}"))
    return rows


def _beside(database: Database, source: Path, asked: Sequence[str], ours: tuple[float, int, list[float]]) -> Row:
    url = database.new()
    lines = source.stat().st_size / _WIDTH
    if url.startswith("sqlite"):
        seconds, size, times = _in_sqlite(url.removeprefix("sqlite:///"), source, asked)
    else:
        seconds, size, times = asyncio.run(_in_postgresql(url, source, asked))
    rate, our_size, our_times = ours
    half, our_half = percentile(times, 0.5), percentile(our_times, 0.5)
    return Row(
        what=f"{lines / 1e6:.0f} million of its numbers, beside {database.name}: import, size, look-up p50 / p99",
        measured=f"{rate / 1e6:.1f} million/s, {our_size / 1e6:.0f} MB, {_microseconds(*_ends(our_times))}",
        floor=f"{lines / seconds / 1e6:.1f} million/s, {size / 1e6:.0f} MB, {_microseconds(*_ends(times))}",
        ratio=f"{rate * seconds / lines:.0f}, 1/{size / our_size:.1f}, 1/{half / our_half:.0f}",
    )


def _in_sqlite(file: str, source: Path, asked: Sequence[str]) -> tuple[float, int, list[float]]:
    began = time.perf_counter()
    with closing(sqlite3.connect(file, isolation_level=None)) as connection, source.open("rb") as lines:
        for setting in ("journal_mode = OFF", "synchronous = OFF"):
            connection.execute(f"PRAGMA {setting}")
        connection.execute("CREATE TABLE listed (number INTEGER PRIMARY KEY)")
        connection.execute("BEGIN")
        numbers = ((int(b"1" + line.replace(b",", b"")),) for line in lines)
        connection.executemany("INSERT OR IGNORE INTO listed VALUES (?)", numbers)
        connection.execute("COMMIT")
        seconds = time.perf_counter() - began
        question = "SELECT 1 FROM listed WHERE number = ?"
        times = _timed(lambda number: connection.execute(question, (int(number),)).fetchone(), asked)
    return seconds, Path(file).stat().st_size, times


async def _in_postgresql(url: str, source: Path, asked: Sequence[str]) -> tuple[float, int, list[float]]:
    connection = await asyncpg.connect(url)
    try:
        began = time.perf_counter()
        await connection.execute("CREATE UNLOGGED TABLE listed (number BIGINT NOT NULL)")
        await connection.copy_to_table("listed", source=_pieces_for_copy(source))
        await connection.execute("ALTER TABLE listed ADD PRIMARY KEY (number)")
        seconds = time.perf_counter() - began
        await connection.execute("VACUUM ANALYZE listed")
        size = await connection.fetchval("SELECT pg_total_relation_size('listed')")
        question = await connection.prepare("SELECT 1 FROM listed WHERE number = $1")
        times = []
        for number in asked:
            began = time.perf_counter()
            await question.fetchval(int(number[2:]))
            times.append(time.perf_counter() - began)
    finally:
        await connection.close()
    return seconds, size, times


async def _pieces_for_copy(source: Path) -> AsyncIterator[bytes]:
    for piece in _pieces(source):
        yield piece


def _pieces(source: Path) -> Iterator[bytes]:
    """The list as COPY reads it: national numbers."""
    with source.open("rb") as file:
        while data := file.read(_PIECE):
            yield data.replace(b",", b"")


def _timed(look: Callable[[str], object], asked: Sequence[str]) -> list[float]:
    times = []
    for number in asked:
        began = time.perf_counter()
        look(number)
        times.append(time.perf_counter() - began)
    return times


def _ends(times: Sequence[float]) -> tuple[float, float]:
    return percentile(times, 0.5), percentile(times, 0.99)


def _microseconds(half: float, most: float) -> str:
    return f"{half * 1e6:.1f} / {most * 1e6:.1f} µs"


if __name__ == "__main__":
    part = {"import": _import, "look": _look}[sys.argv[1]]
    print(json.dumps(part(Path(sys.argv[2]), Path(sys.argv[3]))))
