"""Applying a change list to the copy that is held."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import pytest

from manualdial.law.registry_look import RegistryStanding, RegistryUnreadable
from manualdial.registries import HeldCopies
from manualdial.registries.edition import Edition, ImportKind
from manualdial.registries.importing import Doubtful, ImportFailed
from manualdial.registries.line_shapes import Column
from manualdial.registries.number_file import NumberFile
from tests.adapters.registries.lists import AS_OF, national, order, run, write

NEXT_DAY = AS_OF + timedelta(days=1)


def change(folder: Path, lines: list[str], *, piece_bytes: int = 1 << 20, columns: tuple[Column, ...] = ()) -> Edition:
    source = write(folder, lines, "changes.txt")
    kind = ImportKind.CHANGES
    return run(order(source, kind=kind, as_of=NEXT_DAY, piece_bytes=piece_bytes, columns=columns), folder)


def listed(folder: Path, numbers: range) -> set[int]:
    copy = HeldCopies(folder).copy("us-national")
    assert copy is not None
    return {number for number in numbers if copy.holds(int("1" + national(number)))}


@pytest.mark.parametrize("piece_bytes", [40, 500, 1 << 20])
def test_the_last_change_of_a_number_counts_whatever_the_pieces(piece_bytes: int, tmp_path: Path) -> None:
    chance = random.Random(4)
    numbers = range(5_549_000, 5_552_000)
    want = set(chance.sample(numbers, 1_500))
    run(order(write(tmp_path, [national(number) for number in want])), tmp_path)
    lines = []
    for _ in range(3_000):
        number, word = chance.choice(numbers), chance.choice("AD")
        lines.append(f"{word},202,{number:07}")
        (want.add if word == "A" else want.discard)(number)
    made = change(tmp_path, lines, piece_bytes=piece_bytes)
    assert listed(tmp_path, numbers) == want
    assert made.counts.numbers == len(want)


def test_the_changed_copy_keeps_what_it_covers_and_says_what_it_was(tmp_path: Path) -> None:
    first = run(order(write(tmp_path, ["2025550100", "2025550101"]), covered=("1202",)), tmp_path)
    made = change(tmp_path, ["D,202,5550100", "D,202,5550109", "A,202,5550102", "A,202,5550102", "A,703,5550100"])
    assert (made.kind, made.as_of, made.covered) == (ImportKind.CHANGES, NEXT_DAY, ("1202",))
    assert made.changed_sha256 == first.body_sha256
    counts = made.counts
    assert (counts.numbers, counts.added, counts.removed, counts.duplicates) == (3, 2, 2, 1)
    look = HeldCopies(tmp_path).look_up("us-national", "+17035550101")
    assert look is not None
    assert look.standing is RegistryStanding.NOT_COVERED


def test_a_page_whose_last_number_goes_is_gone(tmp_path: Path) -> None:
    run(order(write(tmp_path, ["2025550100", "7035550100"])), tmp_path)
    change(tmp_path, ["D,202,5550100"])
    copy = NumberFile(tmp_path / "us-national.registry")
    assert len(copy.pages) == 1
    change(tmp_path, ["D,703,5550100"])
    assert len(NumberFile(tmp_path / "us-national.registry").pages) == 0


def test_columns_may_be_named(tmp_path: Path) -> None:
    run(order(write(tmp_path, ["2025550100"])), tmp_path)
    columns = (Column.NUMBER, Column.AREA_CODE, Column.IGNORED, Column.OPERATION)
    change(tmp_path, ["5550100,202,A,D", "5550101,202,D,A"], columns=columns)
    assert listed(tmp_path, range(5_550_100, 5_550_102)) == {5_550_101}


def test_changes_need_a_copy(tmp_path: Path) -> None:
    with pytest.raises(ImportFailed, match="import the full list first"):
        change(tmp_path, ["A,2025550100"])


def test_changes_are_not_applied_to_a_damaged_copy(tmp_path: Path) -> None:
    run(order(write(tmp_path, ["2025550100"])), tmp_path)
    path = tmp_path / "us-national.registry"
    damaged = bytearray(path.read_bytes())
    damaged[64] ^= 1
    path.write_bytes(bytes(damaged))
    with pytest.raises(RegistryUnreadable, match="page"):
        change(tmp_path, ["A,2025550101"])
    assert path.read_bytes() == bytes(damaged)


@pytest.mark.parametrize("lines", [[], ["2025550100"] * 3], ids=["empty", "a full list"])
def test_what_is_no_change_list_is_refused(lines: list[str], tmp_path: Path) -> None:
    run(order(write(tmp_path, ["2025550100"])), tmp_path)
    with pytest.raises(Doubtful, match="no number"):
        change(tmp_path, lines)


def test_changes_older_than_the_copy_are_refused_and_those_of_its_day_are_not(tmp_path: Path) -> None:
    run(order(write(tmp_path, ["2025550100"]), as_of=NEXT_DAY), tmp_path)
    source = write(tmp_path, ["A,2025550101"], "changes.txt")
    with pytest.raises(Doubtful, match="is newer"):
        run(order(source, kind=ImportKind.CHANGES, as_of=AS_OF), tmp_path)
    change(tmp_path, ["A,2025550101"])
    assert change(tmp_path, ["A,2025550101"]).counts.numbers == 2
