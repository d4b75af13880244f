"""`manualdial evidence export`: the files that an auditor gets."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest

from manualdial.evidence import Draft
from manualdial.law.records import Consent, ConsentForm
from manualdial.ports import Storage
from tests.commands.a_database import a_database, in_store, put_evidence, tamper
from tests.commands.service import command
from tests.commands.written_attempts import AT, IMAGE, NUMBER, SCRIPT, a_chain, an_attempt, an_outcome, policies
from tests.support.screening import a_record

CONSENT = a_record(
    Consent(form=ConsentForm.WRITTEN, given_at=AT - timedelta(days=9), given_by=SCRIPT, proof="form 4711"),
    id="0b0e4ed4-30ab-4b3f-9c49-38cc02b1a4d7",
    number=NUMBER,
)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a chain, a consent, and the policies, which nobody changes."""
    config = a_database(tmp_path_factory.mktemp("written"), IMAGE)

    async def keep(store: Storage, tenant_id: str) -> None:
        await store.add_records([msgspec.structs.replace(CONSENT, tenant_id=tenant_id)])
        await store.keep_policies(policies().version.version, policies().data(), at=AT)

    def links(tenant_id: str) -> list[Draft]:
        day = AT + timedelta(days=1)
        return [*a_chain(tenant_id), an_attempt(tenant_id, call_id="call-4", at=day, records=[CONSENT])]

    in_store(config, keep)
    put_evidence(config, links)
    return config


@pytest.fixture
def config(written: Path, tmp_path: Path) -> Path:
    shutil.copytree(written.parent, tmp_path, dirs_exist_ok=True)
    copy = tmp_path / written.name
    copy.write_text(written.read_text().replace(str(written.parent), str(tmp_path)))
    return copy


def exported(config: Path, *options: str, code: int = 0) -> tuple[dict[str, Any], str]:
    to = config.with_name("out")
    arguments = ("--number", NUMBER, "--output", str(to), *options, "--config", str(config))
    result = command("evidence", "export", *arguments)
    assert result.exit_code == code, result.output
    (page,), (document,) = to.glob("*.html"), to.glob("*.json")
    return json.loads(document.read_text(encoding="ascii")), page.read_text(encoding="utf-8")


class Elements(HTMLParser):
    """What a browser would make of a page: its elements, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def test_every_link_about_the_number_is_there_byte_for_byte_and_no_other(config: Path) -> None:
    document, _ = exported(config)
    assert [link["kind"] for link in document["links"]] == ["attempt", "outcome", "refusal", "attempt"]
    assert [link["seq"] for link in document["links"]] == [1, 3, 4, 5]
    assert {link["content"] == json.loads(link["body"])["content"] for link in document["links"]} == {True}
    for link in document["links"]:
        digest = hashlib.sha256(bytes.fromhex(link["sealBefore"]) + link["body"].encode()).hexdigest()
        assert digest == link["seal"]
    assert "+12025550199" not in json.dumps(document)
    assert document["proof"]["whole"]
    assert document["proof"]["links"] == 5


def test_the_lines_on_the_page_recompute_the_seals(config: Path) -> None:
    _, page = exported(config)
    text = Elements(page[page.index("<pre>") : page.index("</pre>") + 6]).texts[0]
    script = text.replace("python3", sys.executable, 1)
    ran = subprocess.run(["sh", "-c", script], cwd=config.with_name("out"), capture_output=True, text=True, check=True)
    assert ran.stdout.split("\n")[:-1] == ["1 True", "3 True", "4 True", "5 True"]
    documented = (Path(__file__).parents[2] / "docs" / "evidence.md").read_text(encoding="utf-8")
    assert text.partition("\n")[2].strip() in documented


def test_the_records_and_the_rules_that_verdicts_stood_on_come_along(config: Path) -> None:
    document, page = exported(config)
    (record,) = document["records"]
    assert record["content"]["proof"] == "form 4711"
    (kept,) = document["policies"]
    verdict = document["links"][0]["content"]["verdict"]
    assert {"name": kept["name"], "version": kept["version"]} == verdict["policy"]
    assert kept["sha256"] == hashlib.sha256(policies().data()).hexdigest()
    of_law = {rule["rule"] for rule in verdict["rules"] if rule.get("law")} - {"do-not-call.company"}
    assert of_law
    assert of_law <= {rule["rule"] for rule in kept["rules"]}
    text = Elements(page).text
    assert "form 4711" in text
    for rule in verdict["rules"]:
        assert rule["rule"] in text
        assert rule["reason"] in text


def test_the_page_says_who_called_whom_when_and_why(config: Path) -> None:
    text = Elements(exported(config)[1]).text
    for said in (
        "Tue 2026-03-10 12:00:00 -0400 in America/New_York",
        "2026-03-10 16:00:00.000 UTC",
        f"{NUMBER}, entered: pasted",
        "sales",
        "spring & autumn",
        "Call <b>Us</b>",
        "tea & coffee",
        "+12025550180; configured by the operator",
        "(v) Outbound yes",
        "20.0 seconds of talk",
        "refused, nothing was dialled",
        "asked for it",
        "16 CFR 310.5(a)(2)",
        "customer ringing 2026-03-10 16:00:05.000 UTC",
        CONSENT.id,
    ):
        assert said in text


def test_what_others_have_written_stands_in_the_page_as_text(config: Path) -> None:
    _, page = exported(config)
    parsed = Elements(page)
    assert parsed.open == []
    names = {name for name, _ in parsed.elements}
    assert names.isdisjoint({"script", "img", "link", "iframe", "object", "form", "b"})
    assert SCRIPT in parsed.text
    assert IMAGE in parsed.text
    assert "\u202e" not in page
    for _, attributes in parsed.elements:
        assert set(attributes) <= {"lang", "charset", "http-equiv", "content", "name", "class", "id", "href"}
        assert (attributes.get("href") or "#").startswith("#")
    style = re.search("<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    assert "url(" not in style[1]
    assert "@import" not in style[1]
    (policy,) = [attributes["content"] for _, attributes in parsed.elements if "http-equiv" in attributes]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_files_are_for_their_owner_alone(config: Path) -> None:
    for name, mode in _modes(config.with_name("out"), exported(config)):
        assert mode == (0o700 if name == "out" else 0o600)


def _modes(folder: Path, _: object) -> Iterator[tuple[str, int]]:
    for path in (folder, *folder.iterdir()):
        yield path.name, stat.S_IMODE(path.stat().st_mode)


def test_a_file_can_be_named(config: Path) -> None:
    file = config.with_name("for the auditor.json")
    arguments = ("--number", "(305) 555-0100", "--region", "us", "--output", str(file), "--config", str(config))
    result = command("evidence", "export", *arguments)
    assert result.exit_code == 0, result.output
    assert "3 attempts in 4 links" in result.stderr
    assert "'for the auditor.json'" in Elements(file.with_suffix(".html").read_text()).text


def test_a_time_bounds_the_attempts_and_their_outcomes_come_along(config: Path) -> None:
    document, _ = exported(config, "--from", AT.isoformat(), "--until", (AT + timedelta(minutes=1)).isoformat())
    assert [link["seq"] for link in document["links"]] == [1, 3]
    document, page = exported(config, "--until", "2020-01-01T00:00:00Z")
    assert document["links"] == []
    assert "No attempt in this time." in page


def test_how_long_the_talk_was_is_not_known_before_the_outcome_is(config: Path) -> None:
    document, page = exported(config)
    assert document["links"][-1]["kind"] == "attempt"
    text = Elements(page).text
    assert "length not known yet" in text.partition("Attempt 3")[2]
    assert "no talk" in text.partition("Attempt 2 (refused")[2].partition("Attempt 3")[0]


def test_the_page_says_what_its_proof_cannot_show_and_whether_it_was_held_against_a_kept_seal(config: Path) -> None:
    document, page = exported(config)
    assert document["proof"]["expected"] is None
    text = Elements(page).text
    assert "Links removed from the end show only against a seal that was kept elsewhere." in text
    assert "Not compared with a seal that was kept elsewhere" in text
    kept = document["proof"]["head"]
    document, page = exported(config, "--expect", kept)
    assert document["proof"]["expected"] == kept
    assert f"Compared with the seal that was kept elsewhere: {kept}." in Elements(page).text
    tamper(config, "DELETE FROM evidence WHERE seq = 5")
    document, page = exported(config, "--expect", kept, code=1)
    assert "missing from the end" in document["proof"]["broken"]["reason"]
    assert "missing from the end" in Elements(page).text


@pytest.mark.parametrize("name", ["evidence.pdf", "evidence.htm", "evidence.v2"])
def test_a_file_of_another_kind_is_refused(name: str, config: Path) -> None:
    to = config.with_name(name)
    result = command("evidence", "export", "--number", NUMBER, "--output", str(to), "--config", str(config))
    assert result.exit_code == 2
    assert ".json or .html" in result.stderr
    assert not to.exists()


@pytest.mark.parametrize(
    "options",
    [("--from", "2026-01-01"), ("--from", "2026-02-01T00:00:00Z", "--until", "2026-01-01T00:00:00Z")],
)
def test_a_time_that_is_none_is_wrong_usage(options: tuple[str, ...], config: Path) -> None:
    arguments = ("--number", NUMBER, "--output", str(config.with_name("out")), *options, "--config", str(config))
    assert command("evidence", "export", *arguments).exit_code == 2
    assert not config.with_name("out").exists()


def test_a_broken_chain_is_exported_and_both_files_say_that_it_is(config: Path) -> None:
    tamper(
        config, "UPDATE evidence SET body = CAST(replace(CAST(body AS TEXT), 'pasted', 'typed') AS BLOB) WHERE seq = 2"
    )
    document, page = exported(config, code=1)
    assert document["proof"]["broken"]["seq"] == 2
    assert [link["seq"] for link in document["links"]] == [1, 3, 4, 5]
    assert "broken at link 2" in Elements(page).text


def test_links_that_are_rubbish_break_the_proof_and_not_the_page(config: Path) -> None:
    tamper(config, "UPDATE evidence SET body = x'5b7b7d2c225c7532303265225d' WHERE seq = 1")
    tamper(config, "UPDATE evidence SET body = x'7b22636f6e74656e74223a7b226c656773223a317d7dff' WHERE seq = 3")
    tamper(config, "UPDATE evidence SET kind = 'rubbish' WHERE seq = 4")
    document, page = exported(config, code=1)
    assert document["proof"]["broken"]["seq"] == 1
    assert [link["seq"] for link in document["links"]] == [1, 3, 4, 5]
    assert Elements(page).open == []


def test_a_link_whose_number_was_changed_beside_it_is_still_found(config: Path) -> None:
    tamper(config, "UPDATE evidence SET number = '+12025550188' WHERE seq = 3")
    document, _ = exported(config, code=1)
    assert document["proof"]["broken"]["seq"] == 3
    assert [link["seq"] for link in document["links"]] == [1, 3, 4, 5]


def test_after_the_retention_the_first_link_still_has_the_seal_before_it(config: Path) -> None:
    async def prune(store: Storage, tenant_id: str) -> int:
        return await store.prune_evidence(tenant_id, before=AT + timedelta(days=9), limit=2)

    assert in_store(config, prune) == 2
    document, page = exported(config)
    assert [link["seq"] for link in document["links"]] == [3, 4, 5]
    for link in document["links"]:
        digest = hashlib.sha256(bytes.fromhex(link["sealBefore"]) + link["body"].encode()).hexdigest()
        assert digest == link["seal"]
    assert "removed by the retention" in Elements(page).text


def test_a_place_that_cannot_be_written_is_told_in_one_sentence(config: Path) -> None:
    (config.with_name("taken")).write_text("")
    arguments = ("--number", NUMBER, "--output", str(config.with_name("taken") / "x"), "--config", str(config))
    result = command("evidence", "export", *arguments)
    assert result.exit_code == 1
    assert "cannot be written" in result.stderr
    assert len(result.stderr.splitlines()) == 1


HOSTILE = f"{SCRIPT}{IMAGE}\u202e\x1b&"


def made_hostile(value: Any) -> Any:
    """The same JSON, with every text in it replaced, and every name kept."""
    if isinstance(value, dict):
        return {name: made_hostile(each) for name, each in value.items()}
    if isinstance(value, list):
        return [made_hostile(each) for each in value]
    return HOSTILE if isinstance(value, str) else value


def test_hostile_text_in_every_field_of_an_attempt_is_text(tmp_path: Path) -> None:
    config = a_database(tmp_path, HOSTILE.translate({0x1B: None}))

    def links(tenant_id: str) -> list[Draft]:
        attempt = an_attempt(tenant_id, account="an account", records=[CONSENT], overridable=True)
        drafts = [attempt, an_outcome(tenant_id)]
        return [
            msgspec.structs.replace(
                draft, content=msgspec.json.encode(made_hostile(msgspec.json.decode(draft.content)))
            )
            for draft in drafts
        ]

    put_evidence(config, links)
    _, page = exported(config)
    parsed = Elements(page)
    assert parsed.open == []
    assert {name for name, _ in parsed.elements}.isdisjoint({"script", "img"})
    assert {attributes["class"] for _, attributes in parsed.elements if "class" in attributes} <= {
        "attempt", "bad", "dim", "good"
    }  # fmt: skip
    assert parsed.text.count(SCRIPT) > 30
    assert "\u202e" not in page
    assert "\x1b" not in page
