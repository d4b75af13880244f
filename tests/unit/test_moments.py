"""moments: what programs and people write as a moment."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from manualdial.moments import moment


@pytest.mark.parametrize("text", ["2026-11-20T06:00:00-05:00", " 20261120T110000Z ", "2026-W47-5 11:00+00:00"])
def test_any_form_of_iso_8601_with_an_offset_is_read(text: str) -> None:
    assert moment(text, "At") == datetime(2026, 11, 20, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        *((text, "At is a moment such as") for text in ("", "soon", "11:00Z", "2026-11-31T00:00Z", "20 Nov 2026")),
        *((text, "At has no offset from UTC") for text in ("2026-11-20", "2026-11-20T11:00:00")),
        *((text, "At is no moment of our time") for text in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00")),
    ],
)
def test_what_is_none_is_refused_and_told_why(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        moment(text, "At")
