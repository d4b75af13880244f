"""Beginnings: with which digits the numbers of a set begin, as its pages tell."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from manualdial.registries import area_codes
from manualdial.registries.number_file import PAGE_NUMBERS
from manualdial.registries.numbering import NumberingPlan

Pages = npt.NDArray[np.uint64]
"""Ascending: the numbers without their last four digits."""


def has_numbers(pages: Pages, prefix: str, *, longest: int) -> bool:
    """Whether a page begins like this, of numbers with up to `longest` digits."""
    for length in range(len(prefix), longest + 1):
        scale = 10 ** (length - len(prefix))
        first, end = int(prefix) * scale // PAGE_NUMBERS, ((int(prefix) + 1) * scale - 1) // PAGE_NUMBERS
        if np.searchsorted(pages, np.uint64(first)) < np.searchsorted(pages, np.uint64(end), "right"):
            return True
    return False


def codes_with_numbers(pages: Pages, plan: NumberingPlan) -> frozenset[str]:
    """The area codes in North America, elsewhere the first two digits of the national number, that there are."""
    codes = range(200, 1000) if plan.calling_code == area_codes.CALLING_CODE else range(10, 100)
    longest = len(plan.calling_code) + plan.longest
    return frozenset(str(code) for code in codes if has_numbers(pages, f"{plan.calling_code}{code}", longest=longest))
