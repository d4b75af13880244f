"""Which area codes a copy covers, where all are said to have been bought."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest

from manualdial.law.registry_look import RegistryStanding
from manualdial.registries import HeldCopies
from manualdial.registries.area_codes import codes_of
from manualdial.registries.edition import Edition, ImportKind
from manualdial.registries.importing import Doubtful
from tests.adapters.registries.lists import AS_OF, order, run, write

LISTED, NOT_LISTED, NOT_COVERED = RegistryStanding
UNITED_STATES = sorted(codes_of("us-national").in_service)
CANADA = sorted(codes_of("ca-national").in_service)
TEXAS = sorted(codes_of("us-tx").in_service)
NEXT_DAY = AS_OF + timedelta(days=1)


def take(
    folder: Path, codes: Iterable[str], *, registry: str = "us-national", each: int = 3, force: bool = False
) -> Edition:
    """Import a list with so many numbers of each of these codes as one that has all area codes."""
    source = write(folder, [f"{code},555{number:04}" for code in codes for number in range(each)])
    return run(order(source, registry=registry, covered=(), force=force), folder)


def standing(folder: Path, number: str, registry: str = "us-national") -> RegistryStanding:
    look = HeldCopies(folder).look_up(registry, number)
    assert look is not None
    return look.standing


def test_the_codes_in_service_are_those_of_the_country_or_of_the_state() -> None:
    assert {"202", "212", "787", "671"} <= set(UNITED_STATES)
    assert not set(UNITED_STATES) & {"416", "876", "800", "911"}
    assert {"416", "867"} <= set(CANADA)
    assert not set(CANADA) & set(UNITED_STATES)
    assert "512" in TEXAS
    assert set(TEXAS) < set(UNITED_STATES)
    assert codes_of("us-tx").country == codes_of("us-national").in_service
    assert not codes_of("other").in_service


def test_a_list_of_one_code_is_not_taken_for_one_of_all(tmp_path: Path) -> None:
    with pytest.raises(Doubtful, match=f"no number of {len(UNITED_STATES) - 1} of the {len(UNITED_STATES)} area codes"):
        take(tmp_path, ["202"], each=50)
    assert HeldCopies(tmp_path).look_up("us-national", "+12125550100") is None


def test_forced_it_covers_the_one_code_alone(tmp_path: Path) -> None:
    assert take(tmp_path, ["202"], force=True).covered == ("1202",)
    assert standing(tmp_path, "+12025559999") is NOT_LISTED
    assert standing(tmp_path, "+12125559999") is NOT_COVERED


@pytest.mark.parametrize("share", [0.6, 0.95, 0.999])
def test_a_list_that_lost_codes_of_the_held_copy_is_refused(share: float, tmp_path: Path) -> None:
    take(tmp_path, UNITED_STATES)
    kept = UNITED_STATES[: int(share * len(UNITED_STATES))]
    with pytest.raises(Doubtful, match="of which the copy that is held has numbers"):
        take(tmp_path, kept, each=9)
    assert standing(tmp_path, "+19895550001") is LISTED
    take(tmp_path, kept, force=True)
    assert standing(tmp_path, "+19895550001") is NOT_COVERED


def test_a_few_codes_in_service_may_have_no_number_and_are_not_covered(tmp_path: Path) -> None:
    few = len(UNITED_STATES) // 10
    made = take(tmp_path, UNITED_STATES[few:])
    assert len(made.covered) == len(UNITED_STATES) - few
    assert codes_of("us-national").left_out(made.covered) == tuple(UNITED_STATES[:few])
    assert standing(tmp_path, f"+1{UNITED_STATES[0]}5559999") is NOT_COVERED


def test_more_than_a_tenth_of_the_codes_without_a_number_is_a_doubt(tmp_path: Path) -> None:
    with pytest.raises(Doubtful, match="area codes in service"):
        take(tmp_path, UNITED_STATES[len(UNITED_STATES) // 10 + 1 :])


def test_all_area_codes_are_those_of_the_registrys_country(tmp_path: Path) -> None:
    take(tmp_path, [*UNITED_STATES, "416"])
    assert standing(tmp_path, "+12125559999") is NOT_LISTED
    assert standing(tmp_path, "+17875559999") is NOT_LISTED
    assert standing(tmp_path, "+14165559999") is NOT_COVERED
    assert standing(tmp_path, "+18765559999") is NOT_COVERED
    assert standing(tmp_path, "+14165550001") is LISTED
    take(tmp_path, CANADA, registry="ca-national")
    assert standing(tmp_path, "+14165559999", "ca-national") is NOT_LISTED
    assert standing(tmp_path, "+12125559999", "ca-national") is NOT_COVERED


def test_a_code_without_a_place_is_covered_where_the_list_has_numbers_of_it(tmp_path: Path) -> None:
    take(tmp_path, [*UNITED_STATES, "800"])
    assert standing(tmp_path, "+18005559999") is NOT_LISTED
    assert standing(tmp_path, "+18885559999") is NOT_COVERED
    with pytest.raises(Doubtful, match="of which the copy that is held has numbers: 800"):
        take(tmp_path, UNITED_STATES)


def test_a_states_list_needs_the_codes_of_the_state_and_covers_those_of_the_country(tmp_path: Path) -> None:
    with pytest.raises(Doubtful, match="area codes in service"):
        take(tmp_path, ["212", *TEXAS[: len(TEXAS) // 2]], registry="us-tx")
    take(tmp_path, ["212", *TEXAS], registry="us-tx")
    take(tmp_path, TEXAS, registry="us-tx")
    assert standing(tmp_path, "+12125550001", "us-tx") is NOT_LISTED
    assert standing(tmp_path, "+14165550001", "us-tx") is NOT_COVERED
    with pytest.raises(Doubtful, match="of which the copy that is held has numbers"):
        take(tmp_path, TEXAS[:-1], registry="us-tx", each=9)


def test_a_list_with_one_more_code_may_not_have_lost_half_of_its_numbers_either(tmp_path: Path) -> None:
    take(tmp_path, UNITED_STATES[1:], each=9)
    with pytest.raises(Doubtful, match="and the copy that is held has"):
        take(tmp_path, UNITED_STATES, each=3)


def test_a_change_list_leaves_what_is_covered_as_it_was(tmp_path: Path) -> None:
    first = take(tmp_path, UNITED_STATES)
    changes = write(tmp_path, ["A,416,5550100", "D,212,5550000"], "changes.txt")
    made = run(order(changes, kind=ImportKind.CHANGES, as_of=NEXT_DAY, covered=()), tmp_path)
    assert made.covered == first.covered


def test_elsewhere_a_list_that_lost_the_beginnings_of_the_held_copy_is_refused(tmp_path: Path) -> None:
    lines = [f"0{beginning}1234{number:04}" for beginning in (12, 16, 20, 77) for number in range(100)]
    run(order(write(tmp_path, lines), registry="uk-tps"), tmp_path)
    cut = order(write(tmp_path, lines[:240]), registry="uk-tps")
    with pytest.raises(Doubtful, match="of which the copy that is held has numbers: 77"):
        run(cut, tmp_path)
