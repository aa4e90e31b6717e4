"""Mistakes in the files: all of them at once, each with its line and a sentence."""

import json
from pathlib import Path

import pytest

from deployments.definitions import connections_schema, load, sync_schema
from deployments.trouble import DefinitionsError, UsageTrouble
from pipelines.settings import read_settings

ROOT = Path(__file__).parent.parent.parent
GOOD = """\
kind: mailigen_pipedrive
name: acme
schedule: {every: 15m}
connections: {crm: acme-pipedrive, engagement: acme-mailigen}
list: {title: Newsletter}
"""
CONNECTIONS = """\
acme-pipedrive:
  vendor: pipedrive
  secret: {token: ACME_PIPEDRIVE_TOKEN}
acme-mailigen:
  vendor: mailigen
  secret: {key: ACME_MAILIGEN_KEY}
"""
SECRETS = {"ACME_PIPEDRIVE_TOKEN": "t", "ACME_MAILIGEN_KEY": "k"}


def mistakes(folder: Path, environ: dict[str, str] | None = None, **files: str) -> list[str]:
    """What is said about these files beside good connections, without the folder's name."""
    return [
        str(one).replace(f"{folder}/", "") for one in written(folder, environ, **files).mistakes
    ]


def written(folder: Path, environ: dict[str, str] | None = None, **files: str):
    (folder / "syncs").mkdir(exist_ok=True)
    (folder / "connections.yaml").write_text(files.pop("connections", CONNECTIONS))
    for name, text in files.items():
        (folder / "syncs" / f"{name}.yaml").write_text(text)
    environ = SECRETS if environ is None else environ
    return load(read_settings(environ, syncs=folder / "syncs"))


def test_the_sample_that_ships_has_no_mistake():
    definitions = load(read_settings(SECRETS, syncs=ROOT / "deployments/syncs"))
    assert [one.name for one in definitions.all()] == ["acme-newsletter"]


def test_the_schema_for_editors_is_as_generated():
    shipped = json.loads((ROOT / "deployments/sync.schema.json").read_text())
    assert shipped == sync_schema(), (
        "write it again: syncline schema > deployments/sync.schema.json"
    )


def test_the_schema_of_connections_is_as_generated():
    shipped = json.loads((ROOT / "deployments/connections.schema.json").read_text())
    assert shipped == connections_schema(), (
        "write it again: syncline schema --accounts > deployments/connections.schema.json"
    )


def test_a_file_without_mistakes_says_nothing(tmp_path):
    assert mistakes(tmp_path, acme=GOOD) == []


def test_every_mistake_is_told_at_once(tmp_path):
    text = (
        GOOD.replace("15m", "soon").replace("list:", "lst:")
        + "bots:\n  - id: a\n    contacts: al\n"
    )
    assert mistakes(tmp_path, acme=text) == [
        "syncs/acme.yaml:1: list: `list` is missing",
        "syncs/acme.yaml:3: schedule.every: write a number and a unit: 30s, 15m, 1h or 1d",
        "syncs/acme.yaml:5: lst: unknown key `lst`; did you mean `list`?",
        "syncs/acme.yaml:7: bots[0].consent: `consent` is missing "
        "(Who confirmed that these contacts agreed, and when)",
        "syncs/acme.yaml:8: bots[0].contacts: should be `all`; did you mean `all`?",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1: the file is empty"),
        ("- a\n", "1: the file should be a mapping of keys"),
        ("a: [1\nb: 2\n", "2: not YAML: expected ',' or ']', but got ':'"),
        ("a:\n\tb: 1\n", "2: not YAML: found character '\\t' that cannot start any token"),
        ("a: 1\n---\nb: 2\n", "2: not YAML: but found another document"),
        ("a: *nobody\n", "1: not YAML: found undefined alias 'nobody'"),
        ("a: !!python/object:os.system 1\n", "1: not YAML: could not determine a constructor"),
        (
            "kind: mailigen\n",
            "1: kind: unknown kind `mailigen`; did you mean `mailigen_pipedrive`?",
        ),
        (
            "name: acme\n",
            "1: kind: `kind` is missing; there is mailchimp_pipedrive, mailigen_pipedrive",
        ),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(tmp_path, text, said):
    (told,) = mistakes(tmp_path, acme=text)
    assert told.startswith(f"syncs/acme.yaml:{said}")


def test_a_file_that_is_not_text_is_a_mistake_and_no_crash(tmp_path):
    (tmp_path / "syncs").mkdir()
    (tmp_path / "syncs" / "raw.yaml").write_bytes(b"\xff\xfe\x00")
    (told,) = mistakes(tmp_path)
    assert told == "syncs/raw.yaml:1: the file is not UTF-8 text"


def test_every_duplicate_key_is_told_not_only_the_first(tmp_path):
    told = mistakes(
        tmp_path, acme=GOOD + "name: acme\ncount_from: all_time\ncount_from: all_time\n"
    )
    assert told == [
        "syncs/acme.yaml:6: name: the key stands here twice, first in line 2",
        "syncs/acme.yaml:8: count_from: the key stands here twice, first in line 7",
    ]


def test_an_alias_that_contains_itself_ends(tmp_path):
    told = mistakes(tmp_path, acme=GOOD + "bots: &b [*b]\n")
    assert any("bots[0]" in one for one in told)


def test_two_files_with_one_name_are_both_told(tmp_path):
    assert mistakes(tmp_path, one=GOOD, two=GOOD) == [
        "syncs/one.yaml:2: name: `acme` is also the name of the sync in two.yaml:2",
        "syncs/two.yaml:2: name: `acme` is also the name of the sync in one.yaml:2",
    ]


def test_an_unknown_connection_is_told_with_what_was_meant(tmp_path):
    (told,) = mistakes(tmp_path, acme=GOOD.replace("acme-pipedrive", "acme-pipdrive"))
    assert told == (
        "syncs/acme.yaml:4: connections.crm: no connection is called `acme-pipdrive`; "
        "did you mean `acme-pipedrive`?"
    )


def test_connections_of_the_wrong_vendor_are_told(tmp_path):
    swapped = GOOD.replace("crm: acme-pipedrive, engagement: acme-mailigen",
                           "crm: acme-mailigen, engagement: acme-pipedrive")  # fmt: skip
    told = mistakes(tmp_path, acme=swapped)
    assert [one.partition("; ")[0] for one in told] == [
        "syncs/acme.yaml:4: connections.crm: `acme-mailigen` is mailigen, and crm is pipedrive",
        "syncs/acme.yaml:4: connections.engagement: "
        "`acme-pipedrive` is pipedrive, and engagement is mailigen",
    ]


def test_mistakes_in_connections_are_told_by_their_lines(tmp_path):
    told = mistakes(
        tmp_path,
        connections="a: {vendor: pipedriv}\nb: {vendor: mailigen, secret: {kye: X}}\nc: {}\n",
    )
    assert told == [
        "connections.yaml:1: a: should be one of pipedrive, mailigen, mailchimp; did you mean `pipedrive`?",
        "connections.yaml:2: b.secret.key: `key` is missing (NAME of the secret, never the key itself)",
        "connections.yaml:2: b.secret.kye: unknown key `kye`; did you mean `key`?",
        "connections.yaml:3: c: `vendor` is missing",
    ]


def test_a_secret_pasted_in_place_of_its_name_is_refused_and_not_repeated(tmp_path):
    pasted = CONNECTIONS.replace("ACME_PIPEDRIVE_TOKEN", "4f9d8e7c6b5a")
    (told,) = mistakes(tmp_path, connections=pasted)
    assert "NAME of a secret" in told
    assert "4f9d8e7c6b5a" not in told


EITHER = "give either `token: NAME`, or `oauth: {client_id: NAME, client_secret: NAME}`"
APP = "{oauth: {client_id: APP_ID, client_secret: APP_SECRET}}"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("secret: {}", f"a.secret: {EITHER}"),
        ("secret: {token: T, oauth: {client_id: A, client_secret: B}}", f"a.secret: {EITHER}"),
        (
            "secret: {oauth: {client_id: APP_ID}}",
            "a.secret.oauth.client_secret: `client_secret` is missing (NAME of the secret with the "
            "app's client secret, never the secret itself)",
        ),
        (
            f"secret: {APP}, oauth_url: 'http://oauth.example'",
            "a: oauth_url has no TLS: secrets would travel in the clear; make it https",
        ),
        (
            f"secret: {APP}, base_url: 'http://127.0.0.1:8400/pipedrive'",
            "a: base_url is the sandbox's and oauth_url is not: set both, or neither",
        ),
    ],
)
def test_mistakes_of_a_connection_by_oauth_are_told(tmp_path, settings, said):
    """MG-01"""
    told = mistakes(tmp_path, connections=f"a: {{vendor: pipedrive, {settings}}}\n")
    assert told == [f"connections.yaml:1: {said}"]


def test_each_secret_of_an_app_and_the_key_is_told_where_it_is_named(tmp_path):
    """MG-01"""
    by_oauth = CONNECTIONS.replace("{token: ACME_PIPEDRIVE_TOKEN}", APP)
    told = mistakes(tmp_path, {"ACME_MAILIGEN_KEY": "k"}, connections=by_oauth, acme=GOOD)
    assert [one.partition(" is not set")[0] for one in told] == [
        "connections.yaml:3: acme-pipedrive.secret.oauth: SYNCLINE_KEY",
        "connections.yaml:3: acme-pipedrive.secret.oauth.client_id: the secret APP_ID",
        "connections.yaml:3: acme-pipedrive.secret.oauth.client_secret: the secret APP_SECRET",
    ]


def test_a_secret_that_is_not_set_is_told_only_where_a_sync_needs_it(tmp_path):
    assert mistakes(tmp_path, {}) == []
    told = mistakes(tmp_path, {"ACME_MAILIGEN_KEY": "k"}, acme=GOOD)
    assert len(told) == 1
    assert told[0].startswith(
        "connections.yaml:3: acme-pipedrive.secret.token: the secret ACME_PIP"
    )


def test_an_alert_without_its_secret_warns_and_stops_nothing(tmp_path):
    definitions = written(tmp_path, acme=GOOD + "alert: {webhook: OPS_WEBHOOK}\n")
    assert definitions.get("acme").name == "acme"
    assert ["OPS_WEBHOOK" in str(one) for one in definitions.warnings] == [True]


def test_a_mistake_in_one_file_does_not_stop_another_sync(tmp_path):
    definitions = written(tmp_path, acme=GOOD, broken="kind: [")
    assert definitions.get("acme").name == "acme"
    with pytest.raises(DefinitionsError):
        definitions.all()
    with pytest.raises(DefinitionsError, match=r"broken\.yaml"):
        definitions.get("broken")


def test_an_unknown_sync_is_told_with_what_was_meant(tmp_path):
    with pytest.raises(UsageTrouble, match="no sync is called amce; did you mean `acme`"):
        written(tmp_path, acme=GOOD).get("amce")


def test_pausing_in_the_file_is_answered_with_the_command(tmp_path):
    bot = "bots: [{id: a, contacts: all, consent: {confirmed_by: x, on: 2026-11-01}, active: false}]\n"
    (told,) = mistakes(tmp_path, acme=GOOD + bot)
    assert told.endswith("use `syncline pause` and `resume`")


def test_a_missing_folder_is_a_mistake_with_a_remedy(tmp_path):
    settings = read_settings({}, syncs=tmp_path / "nowhere", connections=tmp_path / "no.yaml")
    told = [one.sentence for one in load(settings).mistakes]
    assert told == [
        "cannot be read: No such file or directory",
        "no such folder; name it with --syncs",
    ]
