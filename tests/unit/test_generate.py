"""The files that are made from the code and its data."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest

from manualdial import config
from manualdial.law.policies import load
from scripts import generate

POLICIES = load()
PAGE = generate.policies()[Path("docs/policies.md")]
SCHEMAS = generate.schemas()


def part(title: str) -> str:
    """A part of the page of policies."""
    (found,) = (text for text in re.split(r"^## ", PAGE, flags=re.MULTILINE) if text.partition("\n")[0] == title)
    return found


@pytest.mark.parametrize("policy", POLICIES.policies, ids=lambda policy: policy.jurisdiction)
def test_each_jurisdiction_has_its_part_with_every_rule_its_law_and_where_it_was_read(policy: object) -> None:
    rules = [rule for one in POLICIES.policies if one is policy for rule in one.rules]
    text = part(rules[0].jurisdiction)
    for rule in rules:
        assert text.count(f"| `{rule.rule}` | {'yes' if rule.on else 'no'} |") >= 1
        assert f"[{rule.law}]({rule.source}), as of {rule.as_of}" in text
        assert all(read in text for read in rule.read_in)
        assert rule.note in text
        assert rule.conflict in text


def test_every_row_of_a_table_has_as_many_cells_as_its_heading() -> None:
    width = 0
    for before, line in zip(PAGE.splitlines(), PAGE.splitlines()[1:], strict=False):
        if line.startswith("|"):
            cells = len(re.findall(r"(?<!\\)\|", line))
            width = width if before.startswith("|") else cells
            assert cells == width, line


def test_it_is_said_that_the_page_is_no_legal_advice() -> None:
    assert "no legal advice" in PAGE.partition("## ")[0]


def test_every_holiday_set_is_told() -> None:
    assert all(f"| `{name}` |" in part("Holidays") for name in POLICIES.holiday_sets.names)


def test_the_page_of_options_tells_of_each_option_of_a_tenant() -> None:
    page = generate.configuration()[Path("docs/configuration.md")]
    (_, tenants) = page.split("## `[tenants.NAME]`\n")
    for field in msgspec.structs.fields(config.Tenant):
        assert f"| `{field.name}` |" in tenants
    assert "## `[]`" not in page


@pytest.mark.parametrize("name", ["requests/Check", "requests/SetDnc", "requests/SetLocation", "messages/CheckReply"])
def test_the_messages_of_the_screening_have_schemas(name: str) -> None:
    schema = json.loads(SCHEMAS[Path(f"schemas/{name}.json")])
    assert schema["type"]
    assert schema["description"]


def test_a_file_that_says_something_else_is_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    files = {Path("docs/policies.md"): "as it is to be\n"}
    assert generate.stale(files) == [Path("docs/policies.md")]
    generate.write(files)
    assert generate.stale(files) == []
