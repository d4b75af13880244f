"""NumberingPlan: from digits as a registry writes them to E.164."""

from __future__ import annotations

import re

import msgspec
import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.uint64]
_Flags = npt.NDArray[np.bool_]

LONGEST_DIGITS = 17
"""Fifteen of E.164, and the two zeros that some write for the plus."""
_LONGEST_E164 = 15
_CALLING_CODE = re.compile(r"[1-9][0-9]{0,2}")
_NORTH_AMERICA = "1"
_FEWEST_OF_A_COLUMN = 7
"""Digits of a further column that is taken for a number; shorter ones are times, post codes and counts."""
_DATE_DIGITS = 8


class NumberingPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How the numbers of one calling code are written inside their country."""

    calling_code: str
    trunk_zero: bool
    """Whether a leading 0 is dialled inside the country and is no part of the number."""
    shortest: int
    """Digits of the shortest national number, without the trunk 0."""
    longest: int


def _plan(calling_code: str, shortest: int, longest: int, *, trunk_zero: bool = True) -> NumberingPlan:
    return NumberingPlan(calling_code=calling_code, trunk_zero=trunk_zero, shortest=shortest, longest=longest)


# Lengths and trunk prefixes: the national numbering plans as ITU-T publishes them.
_PLANS = {
    "us": _plan(_NORTH_AMERICA, 10, 10, trunk_zero=False),
    "ca": _plan(_NORTH_AMERICA, 10, 10, trunk_zero=False),
    "uk": _plan("44", 7, 10),
    "ie": _plan("353", 7, 9),
    "be": _plan("32", 8, 9),
    "nl": _plan("31", 9, 9),
    "fr": _plan("33", 9, 9),
    "de": _plan("49", 6, 11),
    "ch": _plan("41", 9, 9),
    "at": _plan("43", 6, 13),
    "it": _plan("39", 6, 11, trunk_zero=False),
    "es": _plan("34", 9, 9, trunk_zero=False),
    "pt": _plan("351", 9, 9, trunk_zero=False),
    "dk": _plan("45", 8, 8, trunk_zero=False),
    "no": _plan("47", 8, 8, trunk_zero=False),
    "se": _plan("46", 7, 9),
    "au": _plan("61", 9, 9),
    "nz": _plan("64", 8, 10),
    "sg": _plan("65", 8, 8, trunk_zero=False),
    "in": _plan("91", 10, 10),
    "mx": _plan("52", 10, 10, trunk_zero=False),
    "br": _plan("55", 10, 11),
    "za": _plan("27", 9, 9),
}


def plan_of_registry(name: str) -> NumberingPlan | None:
    """The plan that a registry's name tells: `us-national` is one of `us`."""
    return _PLANS.get(name.partition("-")[0])


def plan_of_calling_code(calling_code: str) -> NumberingPlan:
    """The plan of a calling code. One that is not known here keeps each leading 0. Raises ValueError."""
    if not _CALLING_CODE.fullmatch(calling_code):
        raise ValueError("a calling code has one to three digits, the first of them no 0")
    known = (plan for plan in _PLANS.values() if plan.calling_code == calling_code)
    longest = _LONGEST_E164 - len(calling_code)
    return next(known, None) or _plan(calling_code, 4, longest, trunk_zero=False)


def in_e164(values: Numbers, *, digits: int, plus: bool, plan: NumberingPlan) -> Numbers:
    """Numbers that were all written with so many digits, as E.164; 0 where one is no number of the plan.

    `plus`: a plus stood before them.
    """
    if plus:
        return _international(values, digits, plan)
    zeros = values < np.uint64(10 ** (digits - 1))
    if not zeros.any():
        return _plain(values, digits, plan)
    both = values < np.uint64(10 ** max(digits - 2, 0))
    written_out = _international(values, digits - 2, plan)
    if plan.trunk_zero:
        national = _national(values, digits - 1, plan)
        return np.where(zeros, np.where(both, written_out, national), _plain(values, digits, plan))
    national = _national(values, digits, plan)
    after_zeros = np.where(both & (national == 0), written_out, national)
    return np.where(zeros, after_zeros, _plain(values, digits, plan))


def _plain(values: Numbers, digits: int, plan: NumberingPlan) -> Numbers:
    """Without plus or zeros: national where the length is one of the country's, else with the calling code."""
    if plan.shortest <= digits <= plan.longest:
        return _national(values, digits, plan)
    return _international(values, digits, plan)


def _national(values: Numbers, digits: int, plan: NumberingPlan) -> Numbers:
    if not plan.shortest <= digits <= plan.longest:
        return np.zeros_like(values)
    return _sound(values + np.uint64(int(plan.calling_code) * 10**digits), values, plan)


def _international(values: Numbers, digits: int, plan: NumberingPlan) -> Numbers:
    rest = digits - len(plan.calling_code)
    if not plan.shortest <= rest <= plan.longest or digits > _LONGEST_E164:
        return np.zeros_like(values)
    start = np.uint64(int(plan.calling_code) * 10**rest)
    ours = (values >= start) & (values < start + np.uint64(10**rest))
    return _sound(np.where(ours, values, np.uint64(0)), values - start, plan)


def _sound(numbers: Numbers, national: Numbers, plan: NumberingPlan) -> Numbers:
    """In North America neither an area code nor an exchange begins with 0 or 1; other plans are not looked into."""
    if plan.calling_code != _NORTH_AMERICA:
        return numbers
    sound = (national >= np.uint64(2_000_000_000)) & (national % np.uint64(10_000_000) >= np.uint64(2_000_000))
    return np.where(sound, numbers, np.uint64(0))


def may_be_number(digits: int, *, plus: bool, split: bool, plan: NumberingPlan) -> bool:
    """Whether so many digits in a further column can be a number of the plan.

    `split`: an area code and the rest in two columns, which is how North American numbers are written.
    """
    if split:
        return plan.calling_code == _NORTH_AMERICA
    longest = plan.longest + len(plan.calling_code) + (0 if plus else len("00"))
    return max(plan.shortest, _FEWEST_OF_A_COLUMN) <= digits <= longest


def are_dates(values: Numbers, digits: int) -> _Flags:
    """Which of these are days written without separators: 20240131 or 31012024."""
    if digits != _DATE_DIGITS:
        return np.zeros(len(values), np.bool_)
    year_first = _days(values // np.uint64(10_000), values // np.uint64(100), values)
    return year_first | _days(values, values // np.uint64(10_000), values // np.uint64(1_000_000))


def _days(years: Numbers, months: Numbers, days: Numbers) -> _Flags:
    """Of each, the last digits count: four of the year, two of the month and the day."""
    year, month, day = years % np.uint64(10_000), months % np.uint64(100), days % np.uint64(100)
    return (year >= 1900) & (year < 2100) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
