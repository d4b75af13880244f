"""JSON of any shape, for tests that feed what nobody expects."""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import strategies as st

_HARD_TEXTS = ("", " ", "\x00", "\u202e", "null", "true", "LCM", "+12025550100", "911", "*", "a/b/c", "x" * 200, "😀")
_HARD_NUMBERS = (0, -1, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 10**30, 10**300)

texts = st.text(max_size=20) | st.sampled_from(_HARD_TEXTS)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(_HARD_NUMBERS)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
_flat = scalars | st.lists(scalars, max_size=3) | st.dictionaries(texts, scalars, max_size=3)

values: st.SearchStrategy[Any] = _flat | st.lists(_flat, max_size=3) | st.dictionaries(texts, _flat, max_size=3)
"""Two levels deep, which is much quicker to draw than what recurses; deep nesting has tests of its own."""


@cache
def spelt(name: str) -> st.SearchStrategy[str]:
    """A name in some mixture of cases."""
    return st.sampled_from((name, name.lower(), name.upper(), f" {name} "))


@cache
def objects(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with some of these keys in any case, and any values."""
    keys = st.one_of([spelt(name) for name in names]) if names else texts
    return st.dictionaries(keys | texts, values, max_size=6)


@cache
def objects_or_others(*names: str) -> st.SearchStrategy[Any]:
    """Such objects, and whatever else JSON can say."""
    return objects(*names) | values
