"""Text → PhoneNumber, and how a number is masked. The home of the library `phonenumbers`, with `places`."""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec
import phonenumbers
from phonenumbers import PhoneNumberType, shortnumberinfo

from manualdial.errors import PhoneNumberInvalid, PhoneNumberMissing

MAX_TYPED_CHARACTERS = 128
MAX_EXTENSION_DIGITS = 20
_KEPT = 4096
"""How many read numbers are kept: one is checked before it is dialled, and dialled again."""
_MAX_SHORT_DIGITS = 6
"""No emergency number is longer, and what is longer and called short is a subscriber's number in its region as well."""

_NAMES_OF_TYPES = {
    PhoneNumberType.FIXED_LINE: "fixed_line",
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "fixed_line_or_mobile",
    PhoneNumberType.TOLL_FREE: "toll_free",
    PhoneNumberType.PREMIUM_RATE: "premium_rate",
    PhoneNumberType.SHARED_COST: "shared_cost",
    PhoneNumberType.VOIP: "voip",
    PhoneNumberType.PERSONAL_NUMBER: "personal_number",
    PhoneNumberType.PAGER: "pager",
    PhoneNumberType.UAN: "uan",
    PhoneNumberType.VOICEMAIL: "voicemail",
}
_NOT_DIGITS = re.compile(r"[^0-9]")
_LETTER = re.compile(r"[A-Za-z]")
_BEFORE_THE_EXTENSION = re.compile(r"\s*(?:tel:)?[+0-9()\[\]\s./-]*", re.IGNORECASE)


class PhoneNumber(msgspec.Struct, frozen=True, kw_only=True):
    """A number that can be dialled. Its text form is masked; the digits need the attribute `e164`."""

    typed: str
    """As the agent or the program wrote it."""
    e164: str
    region: str
    """ISO 3166 code, or "001" for a number that belongs to no country."""
    type: str
    """The kind of line, as far as the numbering plan tells: fixed_line, mobile, fixed_line_or_mobile, toll_free …"""
    extension: str | None = None
    """Digits to send as DTMF after the answer."""

    def __str__(self) -> str:
        return mask(self.e164)

    def __repr__(self) -> str:
        return f"PhoneNumber({mask(self.e164)})"


def mask(number: str) -> str:
    """A number as it may stand in a log: its last two digits, and the length of the rest.

    >>> mask("+12025550100")
    '+*********00'
    """
    digits = _NOT_DIGITS.sub("", number)
    sign = "+" if number.strip().startswith("+") else ""
    return sign + "*" * max(len(digits) - 2, 0) + (digits[-2:] if len(digits) > 4 else "*" * len(digits[-2:]))


def is_region(region: str) -> bool:
    """Whether the numbering plan knows this ISO 3166 region, in upper case."""
    return region in phonenumbers.SUPPORTED_REGIONS


def is_emergency(digits: str, *, region: str) -> bool:
    """Whether these digits are an emergency number of the region, matched whole."""
    return bool(shortnumberinfo.is_emergency_number(digits, region))


def parse(typed: object, *, region: str) -> PhoneNumber:
    """Read a number as typed: E.164, national in `region`, or a `tel:` URI (RFC 3966), with or without an extension.

    Raises PhoneNumberMissing where there is none, PhoneNumberInvalid where it is not a valid number, or is an
    emergency or short number of the region. Short numbers are matched whole: 911 is one, +1 911 … need not be.
    """
    if typed is None or (isinstance(typed, str) and not typed.strip()):
        raise PhoneNumberMissing("PhoneNumber is missing")
    if not isinstance(typed, str):
        raise PhoneNumberInvalid("PhoneNumber is a string")
    if len(typed) > MAX_TYPED_CHARACTERS:
        raise PhoneNumberInvalid("PhoneNumber is too long")
    if not is_region(region):
        raise PhoneNumberInvalid("Region is no region of the numbering plan", sentence="This country is not known.")
    return _read(typed, region)


@lru_cache(_KEPT)
def _read(typed: str, region: str) -> PhoneNumber:
    before_the_rest = _BEFORE_THE_EXTENSION.match(typed)[0]  # type: ignore[index]  # it always matches
    dialled = _NOT_DIGITS.sub("", before_the_rest)
    try:
        parsed = phonenumbers.parse(typed, region)
    except phonenumbers.NumberParseException:
        _refuse_short(dialled, region)
        raise PhoneNumberInvalid("PhoneNumber cannot be read as a number") from None
    country_code = parsed.country_code or 0
    in_letters = parsed.extension is None and _LETTER.search(typed, len(before_the_rest))
    if country_code == phonenumbers.country_code_for_region(region) and not in_letters:
        _refuse_short(dialled, region)  # in 1-800-FLOWERS the digits alone are not the whole number
    _refuse_short(
        phonenumbers.national_significant_number(parsed), phonenumbers.region_code_for_country_code(country_code)
    )
    # A number is valid where its type is known (`is_valid_number` finds the same out again).
    line_type = phonenumbers.number_type(parsed)
    if line_type == PhoneNumberType.UNKNOWN:
        raise PhoneNumberInvalid("PhoneNumber is not valid in its numbering plan")
    if parsed.extension and len(parsed.extension) > MAX_EXTENSION_DIGITS:
        raise PhoneNumberInvalid("the extension is too long")
    return PhoneNumber(
        typed=typed,
        e164=phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164),
        region=phonenumbers.region_code_for_number(parsed) or "001",
        type=_NAMES_OF_TYPES[line_type],
        extension=parsed.extension or None,
    )


@lru_cache(_KEPT)
def own_line(extension: str, region: str) -> str | None:
    """The E.164 number of a phone, where its extension is one."""
    try:
        return parse(extension, region=region).e164
    except (PhoneNumberInvalid, PhoneNumberMissing):
        return None


def _refuse_short(digits: str, region: str) -> None:
    if len(digits) > _MAX_SHORT_DIGITS:
        return
    if shortnumberinfo.is_emergency_number(digits, region):
        raise PhoneNumberInvalid(
            "an emergency number is never dialled by this service",
            sentence="Emergency numbers cannot be dialled here. Use your phone.",
        )
    short = phonenumbers.PhoneNumber(
        country_code=phonenumbers.country_code_for_region(region),
        national_number=int(digits) if digits.isdigit() else None,
    )
    if short.national_number and shortnumberinfo.is_valid_short_number_for_region(short, region):
        raise PhoneNumberInvalid(
            "a short number is never dialled by this service", sentence="Short numbers cannot be dialled here."
        )
