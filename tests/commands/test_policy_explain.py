"""`manualdial policy explain`: the rules of a dial, without a service and without a database."""

from __future__ import annotations

from pathlib import Path

from typer.testing import Result

from tests.commands.service import command

FLORIDA = "+13055550100"
EVENING = ("--purpose", "sales", "--at", "2026-06-10T20:30:00-04:00")


def explain(*arguments: str, **environment: str) -> Result:
    return command("policy", "explain", *arguments, environment=environment)


def test_each_rule_is_told_with_what_it_asks_and_what_the_number_alone_decides() -> None:
    result = explain(FLORIDA, *EVENING)
    assert result.exit_code == 0, result.output
    for told in (
        f"{FLORIDA}, US, fixed line or mobile\nin US-FL, known by: the number",
        "Lists, records, closures and earlier attempts were not looked at",
        "✓ calling-hours.us-fcc: within the calling hours",
        "✗ calling-hours.us-fl: outside the calling hours",
        "? attempts.us-fl: not looked at\n    asks: at most 3 to one person",
        "? do-not-call.us-national: not looked at",
        "lifted by: a purchase in the last 18 months",
        "The calling hours permit it from Thu 2026-06-11 08:00 in America/New_York on",
    ):
        assert told in result.stdout


def test_it_makes_no_database(tmp_path: Path) -> None:
    file = tmp_path / "manualdial.sqlite3"
    assert explain(FLORIDA, MANUALDIAL_STORAGE_URL=f"sqlite:///{file}").exit_code == 0
    assert not file.exists()


def test_hours_that_permit_it_are_told() -> None:
    result = explain(FLORIDA, "--purpose", "sales", "--at", "2026-06-10T10:00:00-04:00")
    assert "The calling hours permit it at that moment." in result.stdout


def test_another_purpose_has_other_rules() -> None:
    result = explain(FLORIDA, "--purpose", "collection")
    assert "attempts.us-reg-f" in result.stdout
    assert "calling-hours.us-fl" not in result.stdout


def test_the_postal_code_adds_the_law_of_its_place_to_that_of_the_number() -> None:
    result = explain(FLORIDA, "--zip", "10001", *EVENING)
    assert "in US-NY, known by: the postal code; the number belongs to US-FL" in result.stdout
    assert "calling-hours.us-fl" in result.stdout
    assert "calling-hours.us-ny" in result.stdout


def test_a_number_without_a_place_counts_as_the_settings_say() -> None:
    assert "in CA-AB, CA-BC" in explain("+18002530000").stdout
    assert "in US-FL" in explain("+18002530000", MANUALDIAL_SCREENING_NO_PLACE="US-FL").stdout
    refused = explain("+18002530000", MANUALDIAL_SCREENING_NO_PLACE="refuse").stdout
    assert "in no place" in refused
    assert "✗ screening-unavailable" in refused


def test_a_registry_that_need_not_be_asked_and_a_registration_are_known_from_the_settings() -> None:
    result = explain("+16155550100", "--purpose", "sales", MANUALDIAL_SCREENING_REGISTRIES=" ")
    assert "✓ do-not-call.us-national: this registry is not among those" in result.stdout
    assert "✗ registration.us-tn: the tenant does not state" in result.stdout
    stated = explain("+16155550100", "--purpose", "sales", MANUALDIAL_SCREENING_REGISTRATIONS="us-tn")
    assert "✓ registration.us-tn" in stated.stdout


def test_a_country_that_is_not_called_is_told() -> None:
    result = explain("+441212345678", MANUALDIAL_SCREENING_COUNTRIES="US")
    assert "✗ country: this tenant does not call this country" in result.stdout


def test_what_is_no_number_and_no_postal_code_is_told_in_one_sentence() -> None:
    number = explain("12")
    assert number.exit_code == 1
    assert len(number.stderr.splitlines()) == 1
    zip_code = explain(FLORIDA, "--zip", "nowhere")
    assert zip_code.exit_code == 2
    assert "nowhere is no postal code" in zip_code.stderr


def test_a_tenant_without_settings_of_its_own_is_told_as_such(tmp_path: Path) -> None:
    file = tmp_path / "manualdial.toml"
    file.write_text('[tenants.Acme]\ncountries = ["GB"]\n', encoding="utf-8")
    own = explain(FLORIDA, "--tenant", "acme", "--config", str(file))
    assert "✗ country" in own.stdout
    assert own.stderr == ""
    stranger = explain(FLORIDA, "--tenant", "acmee", "--config", str(file))
    assert "✓ country" in stranger.stdout
    assert "The tenant acmee has no settings of its own" in stranger.stderr
