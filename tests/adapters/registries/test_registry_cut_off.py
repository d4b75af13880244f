"""An import that is cut off, and a copy that is replaced while others read it."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from manualdial.registries.importing import Progress, Stage
from manualdial.registries.number_file import NumberFile
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
from manualdial.registries import HeldCopies

registries = HeldCopies(Path(sys.argv[1]), recheck=0.0)
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


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def kill_when(told: str, source: Path, held: Path) -> None:
    """Import in a process of its own, and kill it without warning when it tells this for the second time."""
    with script(IMPORTING, source, held, PIECE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        seen = 0
        while seen < 2:
            seen += process.stdout.readline().startswith(told)
            process.stdin.write("\n")
            process.stdin.flush()
        process.kill()
        process.wait(LIMIT)


def test_an_import_that_was_killed_begins_anew_and_leaves_nothing(source: Path, tmp_path: Path) -> None:
    held = tmp_path / "held"
    kill_when("reading", source, held)
    assert names(held) == {".us-national.lock", ".us-national.import"}
    made = run(order(source, piece_bytes=PIECE + 1), held)
    assert made.counts.numbers == 3_000
    assert names(held) == {".us-national.lock", "us-national.registry"}


@pytest.mark.parametrize("stage", Stage)
def test_an_import_that_is_interrupted_leaves_the_copy_that_is_held_and_nothing_else(
    stage: Stage, source: Path, tmp_path: Path
) -> None:
    held = tmp_path / "held"
    kept = run(order(write(tmp_path, ["2025550100"], "before.txt")), held)

    def interrupt(now: Progress) -> None:
        if now.stage is stage:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(order(source, piece_bytes=PIECE), held, interrupt)
    assert names(held) == {".us-national.lock", "us-national.registry"}
    assert NumberFile(held / "us-national.registry").edition == kept


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
