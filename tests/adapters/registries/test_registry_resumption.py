"""An import that was cut off, and a copy that is replaced while others read it."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from manualdial.registries import Registries
from manualdial.registries.importing import ImportFailed, Progress, Stage
from manualdial.screening.registry_look import RegistryStanding
from tests.adapters.registries.lists import AS_OF, national, order, run, write

ROOT = Path(__file__).parents[3]
PIECE = 2_000
LIMIT = 30.0

IMPORTING = """
import sys
from pathlib import Path
from tests.adapters.registries.lists import order, run

def tell(now):
    print(now.stage, now.done, flush=True)
    sys.stdin.readline()

run(order(Path(sys.argv[1]), piece_bytes=int(sys.argv[3])), Path(sys.argv[2]), tell)
"""

READING = """
import sys
from pathlib import Path
from manualdial.registries import Registries

registries = Registries(Path(sys.argv[1]), recheck=0.0)
seen = None
while True:
    look = registries.look_up("us-national", "+12025550100")
    now = f"{look.edition}: {look.standing.value}"
    if now != seen:
        print(now, flush=True)
        seen = now
"""


def script(text: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", text, *map(str, arguments)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write(tmp_path, [national(5_550_000 + number) for number in range(3_000)])


def kill_after(parts: int, source: Path, held: Path) -> None:
    """Import in a process of its own, and kill it without warning when so many parts are finished."""
    with script(IMPORTING, source, held, PIECE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(parts):
            assert process.stdout.readline().startswith("reading")
            process.stdin.write("\n")
            process.stdin.flush()
        assert process.stdout.readline().startswith("reading")
        process.kill()
        process.wait(LIMIT)


def go_on(source: Path, held: Path, *, piece_bytes: int = PIECE) -> int:
    """Import again to the end. Returns with how many finished parts it began."""
    told: list[Progress] = []
    made = run(order(source, piece_bytes=piece_bytes), held, told.append)
    assert made.counts.numbers == made.counts.rows
    registries = Registries(held)
    for number in (5_550_000, 5_551_499, 5_552_999):
        look = registries.look_up("us-national", f"+1{national(number)}")
        assert look is not None
        assert look.standing is RegistryStanding.LISTED
    return told[0].resumed


def test_an_import_that_was_killed_goes_on_where_it_stopped(source: Path, tmp_path: Path) -> None:
    held = tmp_path / "held"
    kill_after(5, source, held)
    assert not (held / "us-national.registry").exists()
    assert go_on(source, held) == 6
    assert not (held / ".us-national.import").exists()
    assert go_on(source, held) == 0


def test_a_name_typed_wrong_costs_no_finished_part(source: Path, tmp_path: Path) -> None:
    held = tmp_path / "held"
    kill_after(5, source, held)
    with pytest.raises(ImportFailed, match="is not there"):
        run(order(tmp_path / "missing.txt", piece_bytes=PIECE), held)
    assert go_on(source, held) == 6


def test_a_part_that_is_not_what_was_written_is_read_again(source: Path, tmp_path: Path) -> None:
    held = tmp_path / "held"
    kill_after(5, source, held)
    parts = sorted((held / ".us-national.import").glob("part-*"))
    parts[0].write_bytes(b"\0" * parts[0].stat().st_size)
    parts[1].write_bytes(parts[1].read_bytes()[:-1])
    parts[2].unlink()
    assert go_on(source, held) == 6


def test_a_journal_whose_last_line_is_torn_is_read_as_far_as_it_goes(source: Path, tmp_path: Path) -> None:
    held = tmp_path / "held"
    kill_after(5, source, held)
    journal = held / ".us-national.import" / "journal"
    journal.write_bytes(journal.read_bytes()[:-10])
    assert go_on(source, held) == 5


def test_another_list_starts_anew(source: Path, tmp_path: Path) -> None:
    held = tmp_path / "held"
    kill_after(5, source, held)
    write(tmp_path, [national(5_550_000 + number) for number in range(3_001)])
    assert go_on(source, held) == 0
    kill_after(5, source, held)
    assert go_on(source, held, piece_bytes=PIECE + 1) == 0


def test_an_import_that_fails_as_it_is_told_leaves_its_parts_for_the_next(source: Path, tmp_path: Path) -> None:
    def interrupt(now: Progress) -> None:
        if now.stage is Stage.WRITING:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(order(source, piece_bytes=PIECE), tmp_path, interrupt)
    assert not list(tmp_path.glob(".*.new"))
    assert go_on(source, tmp_path) > 10


def test_a_process_that_reads_sees_one_whole_copy_after_the_other(tmp_path: Path) -> None:
    lists = [write(tmp_path, [number], f"{number}.txt") for number in ("2025550100", "2025550101")]
    orders = [order(source, as_of=AS_OF + timedelta(days=day), force=True) for day, source in enumerate(lists)]
    answers = ["of 2026-11-20: listed\n", "of 2026-11-21: not-listed\n"]
    run(orders[0], tmp_path)
    with script(READING, tmp_path) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == answers[0]
            for turn in range(1, 21):
                run(orders[turn % 2], tmp_path)
                assert process.stdout.readline() == answers[turn % 2]
        finally:
            process.kill()
