"""Looking numbers up in the copies that are held."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manualdial.law.registry_look import RegistryStanding, RegistryUnreadable
from manualdial.registries import HeldCopies
from manualdial.registries.number_file import BITMAP_BYTES, NumberFile
from tests.adapters.registries.lists import AS_OF, national, order, run, write

LISTED, NOT_LISTED, NOT_COVERED = RegistryStanding


class Hand:
    """A clock whose hand is moved."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def standing(registries: HeldCopies, e164: str, name: str = "us-national") -> RegistryStanding:
    look = registries.look_up(name, e164)
    assert look is not None
    return look.standing


def test_a_look_tells_the_standing_and_which_copy_says_so(tmp_path: Path) -> None:
    run(order(write(tmp_path, [national(5550100)])), tmp_path)
    look = HeldCopies(tmp_path).look_up("us-national", "+12025550100")
    assert look is not None
    assert (look.registry, look.standing, look.edition, look.as_of) == ("us-national", LISTED, "of 2026-11-20", AS_OF)


def test_a_number_outside_the_codes_that_were_bought_is_not_checked(tmp_path: Path) -> None:
    source = write(tmp_path, ["2025550100", "7035550100"])
    run(order(source, covered=("1202",)), tmp_path)
    registries = HeldCopies(tmp_path)
    assert standing(registries, "+12025550100") is LISTED
    assert standing(registries, "+12025550101") is NOT_LISTED
    assert standing(registries, "+17035550101") is NOT_COVERED
    assert standing(registries, "+442079460000") is NOT_COVERED
    assert standing(registries, "+17035550100") is LISTED  # what the copy says counts, whatever it was bought for


def test_without_a_copy_there_is_no_answer(tmp_path: Path) -> None:
    assert HeldCopies(tmp_path).look_up("us-national", "+12025550100") is None
    assert HeldCopies(tmp_path / "missing").look_up("us-national", "+12025550100") is None
    assert HeldCopies(tmp_path / "missing").names() == []


@pytest.mark.parametrize("number", ["", "2025550100", "+", "+1202x", "+1²", "+1 202"])
def test_what_is_no_number_is_refused(number: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"E\.164"):
        HeldCopies(tmp_path).look_up("us-national", number)


@pytest.mark.parametrize("name", ["", "../us", "US", "us--x", "us/x", "-us", "a" * 65])
def test_what_is_no_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="name"):
        HeldCopies(tmp_path).look_up(name, "+12025550100")


@pytest.mark.parametrize("count", [1, 2, 624, 625, 626, 9_999, 10_000])
def test_pages_of_any_fullness_answer_for_each_of_their_numbers(count: int, tmp_path: Path) -> None:
    chosen = set(random.Random(count).sample(range(5_550_000, 5_560_000), count))
    run(order(write(tmp_path, [national(number) for number in chosen])), tmp_path)
    copy = HeldCopies(tmp_path).copy("us-national")
    assert copy is not None
    found = {number for number in range(5_549_990, 5_560_010) if copy.holds(12_020_000_000 + number)}
    assert found == chosen


_NUMBERS = st.builds(
    lambda area, exchange, rest: f"{area}{exchange}{rest:04}",
    st.sampled_from((202, 703, 989)),
    st.sampled_from((200, 555, 999)),
    st.one_of(st.integers(0, 9_999), st.integers(0, 20)),
)
_FORMS = st.sampled_from(("{0}{1}", "+1{0}{1}", "1{0}{1}", "{0},{1}", '"{0}{1}"', " {0}{1}\t", "{0}{1}\r"))


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.tuples(_NUMBERS, _FORMS), min_size=1, max_size=300), piece=st.integers(40, 4_000))
def test_a_copy_is_the_set_of_the_numbers_in_its_list(rows: list[tuple[str, str]], piece: int) -> None:
    lines = [form.format(number[:3], number[3:]) for number, form in rows]
    listed = {number for number, _ in rows}
    asked = listed | {f"{int(number) + 1}" for number in listed} | {f"{int(number) - 1}" for number in listed}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = run(order(write(folder, lines), piece_bytes=piece), folder)
        registries = HeldCopies(folder)
        assert {number for number in asked if standing(registries, f"+1{number}") is LISTED} == listed
    assert (made.counts.numbers, made.counts.duplicates) == (len(listed), len(rows) - len(listed))


def _held(folder: Path) -> Path:
    """A copy with a page of each kind."""
    sparse = [f"703555{number:04}" for number in range(5)]
    run(order(write(folder, [national(5_550_000 + number) for number in range(5_000)] + sparse)), folder)
    return folder / "us-national.registry"


def test_a_copy_that_is_cut_short_is_refused_wherever_it_is_cut(tmp_path: Path) -> None:
    whole = _held(tmp_path).read_bytes()
    cut = tmp_path / "cut" / "us-national.registry"
    cut.parent.mkdir()
    for length in (0, 1, 31, 32, 63, 64, 65, 1_000, len(whole) - 700, len(whole) - 1, *range(70, len(whole), 97)):
        cut.write_bytes(whole[:length])
        with pytest.raises(RegistryUnreadable, match=r"^the copy of us-national cannot be used: "):
            HeldCopies(cut.parent).look_up("us-national", "+12025550100")
    cut.write_bytes(whole + b"\0")
    with pytest.raises(RegistryUnreadable):
        NumberFile(cut)


def test_a_changed_byte_is_never_misread(tmp_path: Path) -> None:
    path = _held(tmp_path)
    whole = path.read_bytes()
    first_page, second_page = range(64, 64 + BITMAP_BYTES), range(64 + BITMAP_BYTES, 64 + BITMAP_BYTES + 10)
    for place in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[place] ^= 0x10
        path.write_bytes(bytes(damaged))
        registries = HeldCopies(tmp_path)
        number = "+17035550001" if place in second_page else "+12025550001"
        if place in first_page or place in second_page:
            with pytest.raises(RegistryUnreadable, match="a page of it is damaged"):
                registries.look_up("us-national", number)
        elif place < 64 + BITMAP_BYTES + 10 + 6 and place >= 64 + BITMAP_BYTES + 10:
            assert standing(registries, number) is LISTED  # between the pages and the directory lies nothing
        else:
            with pytest.raises(RegistryUnreadable):
                registries.look_up("us-national", number)


def test_the_fault_names_neither_a_path_nor_a_number(tmp_path: Path) -> None:
    _held(tmp_path).write_bytes(b"no registry at all" * 10)
    with pytest.raises(RegistryUnreadable) as raised:
        HeldCopies(tmp_path).look_up("us-national", "+12025550100")
    assert str(tmp_path) not in str(raised.value)
    assert "5550100" not in str(raised.value)


def test_a_copy_under_the_name_of_another_registry_is_refused(tmp_path: Path) -> None:
    shutil.copy(_held(tmp_path), tmp_path / "us-tx.registry")
    with pytest.raises(RegistryUnreadable, match="it is one of us-national"):
        HeldCopies(tmp_path).look_up("us-tx", "+12025550100")


def test_a_folder_in_the_place_of_a_copy_is_a_fault_and_no_missing_copy(tmp_path: Path) -> None:
    (tmp_path / "us-national.registry").mkdir()
    with pytest.raises(RegistryUnreadable):
        HeldCopies(tmp_path).look_up("us-national", "+12025550100")


def test_a_new_copy_is_seen_when_the_name_is_looked_at_again(tmp_path: Path) -> None:
    clock = Hand()
    registries = HeldCopies(tmp_path, monotonic=clock)
    assert registries.look_up("us-national", "+12025550100") is None
    run(order(write(tmp_path, [national(5550100)])), tmp_path)
    assert registries.look_up("us-national", "+12025550100") is None
    clock.seconds = 1.0
    assert standing(registries, "+12025550100") is LISTED
    old = registries.copy("us-national")
    run(order(write(tmp_path, [national(5550101)])), tmp_path)
    clock.seconds = 2.0
    assert standing(registries, "+12025550100") is NOT_LISTED
    assert old is not None
    assert old.holds(12025550100)
    (tmp_path / "us-national.registry").unlink()
    clock.seconds = 3.0
    assert registries.look_up("us-national", "+12025550100") is None


def test_a_mended_copy_is_used_again(tmp_path: Path) -> None:
    clock = Hand()
    path = _held(tmp_path)
    good = path.read_bytes()
    path.write_bytes(good[:100])
    registries = HeldCopies(tmp_path, monotonic=clock)
    for _ in range(2):
        with pytest.raises(RegistryUnreadable):
            registries.look_up("us-national", "+12025550100")
    path.write_bytes(good)
    clock.seconds = 1.0
    assert standing(registries, "+12025550000") is LISTED


def test_health_names_each_copy_that_cannot_be_read(tmp_path: Path) -> None:
    assert HeldCopies(tmp_path).health().ok
    path = _held(tmp_path)
    (tmp_path / "uk-tps.registry").write_bytes(b"")
    health = HeldCopies(tmp_path).health()
    assert not health.ok
    assert "uk-tps" in health.detail
    assert "us-national" not in health.detail
    assert HeldCopies(tmp_path).names() == ["uk-tps", "us-national"]
    assert os.stat(path).st_mode & 0o022 == 0
