"""numbers: what can be dialled, and how it is masked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manualdial.errors import PhoneNumberInvalid, PhoneNumberMissing
from manualdial.numbers import is_region, mask, parse

# ── forms ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("typed", "region", "e164"),
    [
        ("+12345678900", "US", "+12345678900"),
        ("+12025550100", "DE", "+12025550100"),
        (" +1 202 555 0100 ", "US", "+12025550100"),
        ("+1-202-555-0100", "US", "+12025550100"),
        ("(202) 555-0100", "US", "+12025550100"),
        ("202.555.0100", "US", "+12025550100"),
        ("2025550100", "US", "+12025550100"),
        ("1 202 555 0100", "US", "+12025550100"),
        ("020 7946 0000", "GB", "+442079460000"),
        ("06 12 34 56 78", "FR", "+33612345678"),
        ("030 901820", "DE", "+4930901820"),
        ("+49 (0)30 901820", "US", "+4930901820"),
        ("0044 20 7946 0000", "DE", "+442079460000"),
        ("011 44 20 7946 0000", "US", "+442079460000"),
        ("tel:+1-202-555-0100", "GB", "+12025550100"),
        ("TEL:+12025550100", "GB", "+12025550100"),
        ("tel:555-0100;phone-context=+1202", "GB", "+12025550100"),
        ("1-800-FLOWERS", "US", "+18003569377"),
        ("202-55 HELLO", "US", "+12025543556"),
        ("８８８ ５５５ ０１００", "US", "+18885550100"),
        ("+٤٤ ٢٠ ٧٩٤٦ ٠٠٠٠", "US", "+442079460000"),
        ("+800 1234 5678", "US", "+80012345678"),
        ("+39 06 1234 5678", "US", "+390612345678"),
    ],
)  # fmt: skip
def test_a_number_is_read_in_every_form_in_which_people_write_it(typed: str, region: str, e164: str) -> None:
    number = parse(typed, region=region)
    assert (number.e164, number.typed, number.extension) == (e164, typed, None)


@pytest.mark.parametrize(
    ("typed", "region", "kind"),
    [
        ("+12025550100", "US", "fixed_line_or_mobile"),
        ("+18005550199", "US", "toll_free"),
        ("+33612345678", "FR", "mobile"),
        ("+442079460000", "GB", "fixed_line"),
        ("+449098790000", "GB", "premium_rate"),
        ("+16135550100", "CA", "fixed_line_or_mobile"),
        ("+80012345678", "001", "toll_free"),
    ],
)
def test_region_and_type_are_those_of_the_number_and_not_of_the_agent(typed: str, region: str, kind: str) -> None:
    number = parse(typed, region="DE")
    assert (number.region, number.type) == (region, kind)


@pytest.mark.parametrize(
    ("typed", "extension"),
    [
        ("+12025550100;ext=77", "77"),
        ("tel:+1-202-555-0100;ext=77", "77"),
        ("+12025550100 x77", "77"),
        ("+12025550100x77", "77"),
        ("+1 202 555 0100 ext. 77", "77"),
        ("+12025550100 Ext 007", "007"),
        ("+12025550100,77", "77"),
        ("(202) 555-0100 extension 1234567", "1234567"),
        ("+12025550100;ext=12345678901234567890", "12345678901234567890"),
    ],
)
def test_an_extension_is_kept_digit_for_digit_and_is_no_part_of_the_number(typed: str, extension: str) -> None:
    number = parse(typed, region="US")
    assert (number.e164, number.extension) == ("+12025550100", extension)


# ── what cannot be dialled ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("typed", [None, "", " ", "\t\n", "\u00a0"])
def test_no_number_is_missing(typed: object) -> None:
    with pytest.raises(PhoneNumberMissing):
        parse(typed, region="US")


@pytest.mark.parametrize("typed", [12025550100, 1.5, True, ["+12025550100"], {}, b"+12025550100"])
def test_what_is_no_text_is_invalid(typed: object) -> None:
    with pytest.raises(PhoneNumberInvalid):
        parse(typed, region="US")


@pytest.mark.parametrize(
    "typed",
    [
        "hello", "+", "0", "12", "+11234567890", "+1 202 555", "+999123456789", "1" * 128, "1" * 200, "+" * 50,
        "+1202555010\x000", "sip:+12025550100@carrier", "+12025550100 x123456789012345678901", "٣", "202 555 0100 p5",
        "tel:", ";ext=5", "x77", "+12025550100 or +12025550123", "*67 2025550100",
    ],
)  # fmt: skip
def test_what_is_valid_in_no_numbering_plan_is_invalid(typed: str) -> None:
    with pytest.raises(PhoneNumberInvalid):
        parse(typed, region="US")


@pytest.mark.parametrize(
    ("typed", "region"),
    [
        ("911", "US"), (" 911 ", "US"), ("9-1-1", "US"), ("(911)", "US"), ("tel:911", "US"), ("911#", "US"),
        ("911,1", "US"), ("911 x5", "US"), ("911;ext=1", "US"), ("٩١١", "US"), ("９１１", "US"), ("+1 911", "US"),
        ("tel:911;phone-context=+1", "GB"), ("1911", "US"), ("112", "US"), ("112", "DE"), ("110", "DE"),
        ("+49 110", "US"), ("999", "GB"), ("+44 999", "US"), ("011 44 999", "US"), ("112", "SE"), ("000", "AU"),
        ("110", "JP"), ("119", "JM"), ("112", "IN"), ("15", "FR"), ("*911", "US"),
    ],
)  # fmt: skip
def test_emergency_numbers_are_never_dialled_however_they_are_written(typed: str, region: str) -> None:
    with pytest.raises(PhoneNumberInvalid):
        parse(typed, region=region)


@pytest.mark.parametrize("region", ["US", "CA", "DE", "GB", "FR", "SE", "AU", "IN", "JP", "BR", "ZA", "CI"])
@pytest.mark.parametrize("typed", ["112", "911", "999", "110", "000", "08", "15"])
def test_a_number_that_is_an_emergency_number_anywhere_is_dialled_nowhere(typed: str, region: str) -> None:
    with pytest.raises(PhoneNumberInvalid):
        parse(typed, region=region)


@pytest.mark.parametrize(
    ("typed", "region"),
    [("411", "US"), ("988", "US"), ("20255", "US"), ("118118", "GB"), ("101", "GB"), ("116117", "DE"), ("115", "DE")],
)
def test_short_numbers_are_never_dialled(typed: str, region: str) -> None:
    with pytest.raises(PhoneNumberInvalid) as refused:
        parse(typed, region=region)
    assert typed not in refused.value.message


@pytest.mark.parametrize(
    ("typed", "region", "e164"),
    [
        ("+1 202 911 0100", "US", "+12029110100"),
        ("+1 412 555 0112", "US", "+14125550112"),
        ("+49 911 50050", "US", "+4991150050"),
        ("0911 50050", "DE", "+4991150050"),
        ("+49 1511 1234567", "DE", "+4915111234567"),
        ("+91 99999 11222", "IN", "+919999911222"),
        ("+290 22222", "US", "+29022222"),
    ],
)
def test_a_number_that_only_has_a_short_one_in_it_is_a_number(typed: str, region: str, e164: str) -> None:
    assert parse(typed, region=region).e164 == e164


@pytest.mark.parametrize("region", ["", "us", "XX", "USA", "1", "001"])
def test_a_region_that_does_not_exist_is_refused_and_told(region: str) -> None:
    assert not is_region(region)
    with pytest.raises(PhoneNumberInvalid) as refused:
        parse("+12025550100", region=region)
    assert "egion" in refused.value.message


@given(st.text(max_size=140), st.sampled_from(["US", "GB", "DE", "JP", "AU"]))
def test_any_text_is_a_number_or_is_refused(typed: str, region: str) -> None:
    try:
        number = parse(typed, region=region)
    except (PhoneNumberInvalid, PhoneNumberMissing):
        return
    assert number.e164[0] == "+"
    assert number.e164[1:].isdecimal()
    assert parse(number.e164, region="FR").e164 == number.e164


@given(st.from_regex(r"\+?[0-9 ().-]{2,18}((;ext=|x|,)[0-9]{1,8})?", fullmatch=True))
def test_whatever_is_dialled_is_valid_and_longer_than_any_short_number(typed: str) -> None:
    try:
        number = parse(typed, region="US")
    except (PhoneNumberInvalid, PhoneNumberMissing):
        return
    assert len(number.e164) > 6


# ── masks ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("+12025550100", "+*********00"),
        ("(202) 555-0123", "********23"),
        ("911", "***"),
        ("1", "*"),
        ("", ""),
        ("hello", ""),
        ("12345", "***45"),
    ],
)
def test_a_mask_leaves_two_digits_and_the_length(number: str, masked: str) -> None:
    assert mask(number) == masked


def test_a_number_never_shows_itself_as_text() -> None:
    number = parse("(202) 555-0123 x77", region="US")
    for text in (str(number), repr(number), f"{number}", f"{[number]}"):
        assert "555" not in text
        assert "77" not in text
        assert text.rstrip(")]").endswith("23")
