"""Bad input: a sentence that names the thing, exit 1 or 2, and nothing written anywhere."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from tests.oracle import scenarios as make
from tests.oracle.bench import CONSENT, FAILED, USAGE, Bench, connections, definition
from tests.oracle.reading import Json

pytestmark = pytest.mark.slow


class Case(NamedTuple):
    """A definition with a mistake, and the words that must be said about it."""

    wanted: Json
    words: tuple[str, ...]


def with_bot(**more: object) -> Json:
    return definition(make.customers(**more))


BAD_NAMES = {
    "unknown filter": Case(
        definition({"id": "x", "contacts": {"filter": "Nobody knows it"}}), ("Nobody knows it",)
    ),
    "ambiguous filter": Case(
        definition({"id": "x", "contacts": {"filter": "Old import"}}), ("Old import", "3", "4")
    ),
    "unknown list": Case(
        with_bot() | {"list": {"title": "No such list"}}, ("No such list",)
    ),
    "unknown field": Case(
        with_bot() | {"fields": {"person": ["Shoe size"]}}, ("Shoe size",)
    ),
    "ambiguous field": Case(with_bot() | {"fields": {"person": ["Code"]}}, ("Code",)),
    "unknown stage": Case(with_bot(deals=[make.hot(stage="Contacted")]), ("Contacted", "Sales")),
    "unknown pipeline": Case(with_bot(deals=[make.hot(pipeline="Pumps")]), ("Pumps",)),
    "unknown owner": Case(
        with_bot(deals=[make.hot(owner="who@acme.example")]), ("who@acme.example",)
    ),
    "deactivated owner": Case(
        with_bot(deals=[make.hot(owner="eve@acme.example")]), ("eve@acme.example",)
    ),
    "unknown activity type": Case(with_bot(activities=[make.warm(type="fax")]), ("fax",)),
    "deal for a bounce": Case(with_bot(deals=[make.hot(event="bounce")]), ("deals[0].event", "outside.yaml:")),
}  # fmt: skip


def refused(bench: Bench, *words: str) -> None:
    """The run fails, says the words, and no vendor's book has changed."""
    start = bench.seq()
    ended = bench.command("run", "outside")
    assert ended.code in (FAILED, USAGE), f"exit {ended.code}:\n{ended.said}"
    assert "Traceback" not in ended.said, ended.said
    missing = [word for word in words if word not in ended.said]
    assert not missing, f"{missing} not in:\n{ended.said}"
    assert not bench.effects(start)


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_cannot_be_resolved_is_told_and_nothing_written(
    bench: Bench, name: str
) -> None:
    case = BAD_NAMES[name]
    bench.start(case.wanted, people=40)
    refused(bench, *case.words)


def test_two_lists_or_stages_of_one_name_are_refused_with_the_candidates(bench: Bench) -> None:
    bench.start(with_bot(deals=[make.hot()]), people=40)
    first = bench.list.list_named("Newsletter")
    second = str(bench.list.call("listCreate", title="Newsletter"))
    refused(bench, "Newsletter", first, second)
    bench.list.call("listDelete", id=second)
    bench.crm.call("POST", "/api/v2/stages", {"name": "Qualified", "pipeline_id": 1})
    refused(bench, "Qualified")


def test_a_bot_without_consent_is_refused_with_its_name(bench: Bench) -> None:
    bench.start(with_bot(), people=40)
    bot = {k: v for k, v in make.customers().items() if k != "consent"}
    bench.define({**definition(), "bots": [bot]})
    refused(bench, "outside.yaml:", "bots[0].consent")


def test_every_mistake_of_a_file_is_told_with_its_line(bench: Bench) -> None:
    bench.start(with_bot(), people=40)
    bot = {"id": "customers", "contact": "all", "consent": CONSENT, "notes": ["opened"]}
    bench.define({**definition(), "schedule": {"every": "soon"}, "bots": [bot]})
    refused(bench, "outside.yaml:", "`contact`", "notes[0]", "schedule.every")


def test_yaml_that_is_none_is_told_with_its_line(bench: Bench) -> None:
    bench.start(with_bot(), people=40)
    (bench.home / "syncs" / "outside.yaml").write_text("kind: mailigen_pipedrive\nname: [out\n")
    refused(bench, "outside.yaml")


@pytest.mark.parametrize(
    ("secret", "value", "word"),
    [
        ("ORACLE_CRM", "wrong-token", "edrive"),
        ("ORACLE_CRM", "sandbox-pipedrive-user", "admin"),
        ("ORACLE_LIST", "wrong-key", "ailigen"),
        ("ORACLE_LIST", "sandbox-mailigen-restricted", "ailigen"),
    ],
)
def test_credentials_that_do_not_suffice_are_refused_without_being_shown(
    bench: Bench, secret: str, value: str, word: str
) -> None:
    bench.start(with_bot(), people=40)
    bench.secrets[secret] = value
    refused(bench, word)
    shown = bench.command("run", "outside").said
    assert value not in shown, shown


def test_a_secret_that_is_not_set_is_named(bench: Bench) -> None:
    bench.start(with_bot(), people=40)
    del bench.secrets["ORACLE_LIST"]
    refused(bench, "ORACLE_LIST")


def test_a_vendor_that_is_not_there_is_named(bench: Bench) -> None:
    bench.start(with_bot(), people=40)
    accounts = connections(bench.url)
    accounts["crm"]["base_url"] = "http://127.0.0.1:9/pipedrive"
    bench.connect(accounts)
    refused(bench, "edrive")


def html(bench: Bench, vendor: str) -> None:
    page = {"status": 200, "body": "<html>maintenance</html>"}
    path = "/api/v2/persons" if vendor == "pipedrive" else "/1.8/listMembers"
    headers = {"content-type": "text/html"}
    order = {"vendor": vendor, "path": path, "kind": "status", "times": 1000}
    bench.control("faults", **order, **page, headers=headers)


def cut(bench: Bench, vendor: str) -> None:
    path = "/api/v2/persons" if vendor == "pipedrive" else "/1.8/listMembers"
    bench.control("faults", vendor=vendor, path=path, kind="truncate", times=1000)


def block_page(bench: Bench, vendor: str) -> None:
    path = "/api/v2" if vendor == "pipedrive" else "/1.8/listMembers"
    bench.control("faults", vendor=vendor, path=path, kind="html_403", times=1000)


@pytest.mark.parametrize("vendor", ["pipedrive", "mailigen"])
@pytest.mark.parametrize("fault", [html, cut, block_page])
def test_html_or_half_an_answer_fails_the_run_before_any_write(
    bench: Bench, fault: Callable[[Bench, str], None], vendor: str
) -> None:
    bench.start(with_bot(), people=40)
    bench.activate()
    make.edit(bench, make.plain(bench.seeded)[0], job_title="Changed")
    fault(bench, vendor)
    refused(bench, vendor[1:])
    bench.clear_faults()
    bench.control("clock", advance_s=3600)
    bench.settle()
    bench.check()
