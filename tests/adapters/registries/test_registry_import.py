"""Importing a full list."""

from __future__ import annotations

import hashlib
import os
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from manualdial.registries import HeldCopies
from manualdial.registries.edition import ImportKind
from manualdial.registries.importing import Doubtful, ImportFailed, Progress, Stage
from manualdial.registries.number_file import NumberFile
from manualdial.registries.sources import SourceUnreadable
from manualdial.registries.workspace import ImportRunning, Workspace, remove_registry
from tests.adapters.registries.lists import AS_OF, NOW, national, order, run, write


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_copy_says_where_it_comes_from(tmp_path: Path) -> None:
    first = write(tmp_path, ["2025550100", "202,5550100", "rubbish", "", *map(national, range(5_550_200, 5_550_300))])
    second = write(tmp_path, ["7035550100"], "second.txt")
    held = tmp_path / "held"
    made = run(order(first, second, covered=("1202", "1703")), held)
    assert made == NumberFile(held / "us-national.registry").edition
    assert (made.registry, made.as_of, made.imported_at, made.kind) == ("us-national", AS_OF, NOW, ImportKind.FULL)
    assert (made.calling_code, made.covered, made.covers_all) == ("1", ("1202", "1703"), False)
    counts = made.counts
    assert (counts.rows, counts.numbers, counts.duplicates, counts.rejected) == (104, 102, 1, 1)
    assert [(one.name, one.sha256) for one in made.sources] == [
        (path.name, hashlib.sha256(path.read_bytes()).hexdigest()) for path in (first, second)
    ]
    assert len(made.body_sha256) == 64
    assert (held / "us-national.rejects.txt").read_text() == "list.txt:3: rubbish\n"
    assert names(held) == {"us-national.registry", "us-national.rejects.txt", ".us-national.lock"}


def test_the_order_of_a_list_does_not_matter(tmp_path: Path) -> None:
    up = [national(number) for number in range(5_550_000, 5_560_000, 7)]
    first = run(order(write(tmp_path, up), piece_bytes=1_000), tmp_path)
    second = run(order(write(tmp_path, [*reversed(up), *up]), piece_bytes=2_000), tmp_path)
    assert first.body_sha256 == second.body_sha256
    assert (second.counts.numbers, second.counts.duplicates) == (len(up), len(up))


def test_rejects_of_later_pieces_have_the_number_of_their_line(tmp_path: Path) -> None:
    lines = [national(number) for number in range(5_550_000, 5_550_300)]
    lines[250] = "x\x1b[2J"
    run(order(write(tmp_path, lines), piece_bytes=500), tmp_path)
    rejects = tmp_path / "us-national.rejects.txt"
    assert rejects.read_text() == "list.txt:251: x\\x1b[2J\n"
    assert rejects.stat().st_mode & 0o077 == 0
    run(order(write(tmp_path, lines[:250])), tmp_path)
    assert not rejects.exists()


def test_the_reject_file_stays_small(tmp_path: Path) -> None:
    run(order(write(tmp_path, ["2025550100"] + ["rubbish"] * 5_000), force=True, piece_bytes=4_000), tmp_path)
    lines = (tmp_path / "us-national.rejects.txt").read_text().splitlines()
    assert len(lines) == 1_001
    assert lines[-1] == "… and 4,000 more"


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([], "no number of calling code"),
        (["", "  "], "no number of calling code"),
        (["area code,number"], "no number of calling code"),
        (["2025550100"] * 8 + ["rubbish"], "more than 10%"),
        (["2025550100"] * 10, "no number of 1 of the codes it is said to cover: 703"),
    ],
)
def test_a_list_that_looks_like_a_mistake_needs_force(lines: list[str], reason: str, tmp_path: Path) -> None:
    source = write(tmp_path, lines)
    held = tmp_path / "held"
    with pytest.raises(Doubtful, match=reason):
        run(order(source, covered=("1202", "1703")), held)
    assert not (held / "us-national.registry").exists()
    run(order(source, covered=("1202", "1703"), force=True), held)
    assert HeldCopies(held).look_up("us-national", "+12025550101") is not None


def test_a_file_that_is_something_else_is_not_read_to_its_end(tmp_path: Path) -> None:
    source = write(tmp_path, b"x\n" * 5_000_000)
    told: list[Progress] = []
    with pytest.raises(Doubtful, match="of the first"):
        run(order(source), tmp_path, told.append)
    assert told[-1].done < told[-1].total / 2
    assert (tmp_path / "us-national.rejects.txt").read_text().startswith("list.txt:2: x\n")


def test_a_list_older_or_much_smaller_than_the_held_copy_needs_force(tmp_path: Path) -> None:
    many = write(tmp_path, [national(number) for number in range(5_550_000, 5_550_100)])
    few = write(tmp_path, [national(number) for number in range(5_550_000, 5_550_049)], "few.txt")
    run(order(many), tmp_path)
    with pytest.raises(Doubtful, match="has 49 numbers, and the copy that is held has 100"):
        run(order(few), tmp_path)
    with pytest.raises(Doubtful, match="is newer"):
        run(order(many, as_of=AS_OF - timedelta(seconds=1)), tmp_path)
    assert run(order(few, covered=("1202",)), tmp_path).counts.numbers == 49
    assert run(order(many, as_of=AS_OF - timedelta(days=1), force=True), tmp_path).counts.numbers == 100


def test_a_list_of_tomorrow_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportFailed, match="future"):
        run(order(write(tmp_path, ["2025550100"]), as_of=NOW + timedelta(seconds=1), force=True), tmp_path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportFailed, match="is not there"):
        run(order(tmp_path / "missing.txt"), tmp_path / "held")


def test_a_damaged_copy_is_replaced_by_a_full_list(tmp_path: Path) -> None:
    (tmp_path / "us-national.registry").write_bytes(b"damaged")
    assert run(order(write(tmp_path, ["2025550100"])), tmp_path).counts.numbers == 1


def test_two_imports_of_one_registry_do_not_run_at_once(tmp_path: Path) -> None:
    source = write(tmp_path, ["2025550100"])
    with Workspace(tmp_path, "us-national"):
        with pytest.raises(ImportRunning):
            run(order(source), tmp_path)
        with pytest.raises(ImportRunning):
            remove_registry(tmp_path, "us-national")
        run(order(write(tmp_path, ["416,2234567"], "ca.txt"), registry="ca-national"), tmp_path)
    run(order(source), tmp_path)


def test_a_list_may_come_through_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writing = threading.Thread(target=pipe.write_bytes, args=(b"2025550100\n2025550101\n",))
    writing.start()
    held = tmp_path / "held"
    made = run(order(pipe), held)
    writing.join()
    assert made.counts.numbers == 2
    assert names(held) == {"us-national.registry", ".us-national.lock"}


def test_a_source_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    source = write(tmp_path, [national(number) for number in range(5_550_000, 5_551_000)])

    def grow(now: Progress) -> None:
        with source.open("ab") as file:
            file.write(b"2025559999\n")

    with pytest.raises(SourceUnreadable, match="was changed"):
        run(order(source, piece_bytes=1_000), tmp_path, grow)


def test_the_progress_runs_through_both_stages_to_their_ends(tmp_path: Path) -> None:
    source = write(tmp_path, [national(number) for number in range(5_550_000, 5_552_000)])
    told: list[Progress] = []
    run(order(source, piece_bytes=1_000), tmp_path, told.append)
    assert list(dict.fromkeys(one.stage for one in told)) == [Stage.READING, Stage.WRITING]
    for stage in Stage:
        of_stage = [one for one in told if one.stage is stage]
        assert [one.done for one in of_stage] == sorted(one.done for one in of_stage)
        assert of_stage[-1].done == of_stage[-1].total
        assert of_stage[-1].numbers == 2_000


def test_a_copy_that_is_removed_leaves_nothing_but_its_lock(tmp_path: Path) -> None:
    held = tmp_path / "held"
    run(order(write(tmp_path, ["2025550100"] * 20 + ["rubbish"])), held)
    assert remove_registry(held, "us-national")
    assert names(held) == {".us-national.lock"}
    assert not remove_registry(held, "us-national")
    assert not remove_registry(tmp_path / "missing", "us-national")
