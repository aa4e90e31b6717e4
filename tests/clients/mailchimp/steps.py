"""Mailchimp's own client for Python against the sandbox, step by step as steps.js does it.

Runs in an environment of its own (build/mailchimp), which has the client and nothing of ours; one
JSON line a step, and expected.jsonl holds what both must say.
"""

import gzip
import json
import os
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import mailchimp_marketing
import requests
from mailchimp_marketing.api_client import ApiClientError

SANDBOX = os.environ["SANDBOX"]
STATUSES = ("subscribed", "unsubscribed", "cleaned", "pending", "transactional")
http = requests.Session()
http.trust_env = False


def say(step: str, **told: Any) -> None:
    print(json.dumps({"step": step, **told}), flush=True)


def control(path: str, body: Any = None) -> Any:
    answer = http.request("POST" if body else "GET", f"{SANDBOX}/_sandbox{path}", json=body)
    answer.raise_for_status()
    return answer.json()


def client_of(**config: str) -> Any:
    client = mailchimp_marketing.Client(config)
    client.api_client.host = f"{SANDBOX}/mailchimp/3.0"
    return client


def refusal(call: Callable[..., Any], *given: Any) -> dict[str, Any]:
    try:
        call(*given)
    except ApiClientError as error:
        # Of problem+json the client hands on the text: it knows application/json alone.
        said = json.loads(error.text)
        return {"refused": True, "status": error.status_code, "title": said["title"]}
    return {"refused": False}


def read(client: Any, list_id: str) -> None:
    say("ping", **client.ping.get())
    told = client.lists.get_all_lists(fields=["lists.name", "total_items"])
    say("lists", lists=[one["name"] for one in told["lists"]], total=told["total_items"])
    seen: list[str] = []
    while True:
        page = client.lists.get_list_members_info(list_id, count=10, offset=len(seen))
        if not page["members"]:
            break
        seen += [one["id"] for one in page["members"]]
    complete = len(set(seen)) == len(seen) == page["total_items"]
    say("pages", complete=complete, many=len(seen) > 20, links=len(page["_links"]) > 0)


def members(client: Any, list_id: str) -> str:
    lists, told, hashes = client.lists, {}, {}
    for status in STATUSES:
        email = f"{status}@client.example"
        made = lists.add_list_member(list_id, {"email_address": email, "status": status})
        hashes[status] = made["id"]
        told[status] = lists.get_list_member(list_id, made["id"])["status"]
    lists.delete_list_member(list_id, hashes["unsubscribed"])
    told["deleted"] = lists.get_list_member(list_id, hashes["unsubscribed"])["status"]
    say("statuses", **told)
    mine, again = hashes["subscribed"], {"email_address": "subscribed@client.example"}
    put = lists.set_list_member(
        list_id, mine, again | {"status_if_new": "subscribed", "merge_fields": {"FNAME": "Ann"}}
    )
    say("put", name=put["full_name"], same=put["id"] == mine)
    say("patched", vip=lists.update_list_member(list_id, mine, {"vip": True})["vip"])
    again["status"] = "subscribed"
    say("exists", **refusal(lists.add_list_member, list_id, again))
    say("not archivable", **refusal(lists.delete_list_member, list_id, hashes["cleaned"]))
    back = (list_id, hashes["cleaned"], {"status": "subscribed"})
    say("cleaned stays", **refusal(lists.update_list_member, *back))
    lists.delete_list_member_permanent(list_id, hashes["transactional"])
    forgotten = {"email_address": "transactional@client.example", "status": "subscribed"}
    say("forgotten", **refusal(lists.add_list_member, list_id, forgotten))
    say("nobody", **refusal(lists.get_list_member, list_id, "0" * 32))
    return str(mine)


def tags(client: Any, list_id: str, mine: str) -> None:
    for name, status in (("Customer", "active"), ("Fresh", "active"), ("Fresh", "inactive")):
        asked = {"tags": [{"name": name, "status": status}]}
        client.lists.update_list_member_tags(list_id, mine, asked)
    told = client.lists.get_list_member_tags(list_id, mine)
    say("tags", tags=[one["name"] for one in told["tags"]])


def batch(client: Any, list_id: str) -> None:
    emails = ("row1@client.example", "subscribed@client.example", "nonsense")
    rows = [{"email_address": email, "status": "subscribed"} for email in emails]
    told = client.lists.batch_list_members(list_id, {"members": rows, "update_existing": True})
    made, changed = told["total_created"], told["total_updated"]
    say("batch", made=made, changed=changed, wrong=told["error_count"])


def many_calls(client: Any, list_id: str) -> None:
    body = json.dumps({"email_address": "later@client.example", "status": "subscribed"})
    call = {"method": "POST", "path": f"/lists/{list_id}/members", "body": body}
    asked = {"operations": [call | {"operation_id": name} for name in ("one", "two")]}
    started = client.batches.start(asked)
    control("/clock", {"advance_s": 60})
    done = client.batches.status(started["id"])
    text = gzip.decompress(http.get(done["response_body_url"]).content).decode()
    say(
        "batches",
        before=started["status"],
        after=done["status"],
        total=done["total_operations"],
        wrong=done["errored_operations"],
        told='"operation_id":"two"' in text,
    )


def segments(client: Any, list_id: str) -> None:
    lists = client.lists
    asked = {"name": "By hand", "static_segment": ["row1@client.example"]}
    made = lists.create_segment(list_id, asked)
    change = {"members_to_add": ["subscribed@client.example"], "members_to_remove": []}
    lists.batch_segment_members(change, list_id, made["id"])
    inside = lists.get_segment_members_list(list_id, made["id"])["members"]
    saved = lists.list_segments(list_id, type="saved", count=100)["segments"]
    lists.delete_segment(list_id, made["id"])
    say(
        "segments",
        type=made["type"],
        first=made["member_count"],
        inside=sorted(one["email_address"] for one in inside),
        saved=sorted(one["name"] for one in saved),
        gone=refusal(lists.get_segment, list_id, made["id"])["status"],
    )


class Ear(BaseHTTPRequestHandler):
    heard: dict[str, str]
    was_heard = threading.Event()

    def do_GET(self) -> None:
        self._say_ok()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        Ear.heard = dict(parse_qsl(body))
        self._say_ok()
        Ear.was_heard.set()

    def _say_ok(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"OK")

    def log_message(self, *_: Any) -> None:
        pass


def webhooks(client: Any, list_id: str) -> None:
    lists, listening = client.lists, HTTPServer(("127.0.0.1", 0), Ear)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{listening.server_port}/hook?secret=s"
    asked = {"url": url, "events": {"subscribe": True}, "sources": {"api": True}}
    made = lists.create_list_webhook(list_id, asked)
    told = {"email_address": "heard@client.example", "status": "subscribed"}
    lists.add_list_member(list_id, told)
    assert Ear.was_heard.wait(10)
    change = {"events": {"subscribe": False}}
    changed = lists.update_list_webhook(list_id, made["id"], change)
    known = lists.get_list_webhooks(list_id)["total_items"]
    lists.delete_list_webhook(list_id, made["id"])
    listening.shutdown()
    say(
        "webhooks",
        type=Ear.heard["type"],
        email=Ear.heard["data[email]"],
        events=changed["events"],
        known=known,
        left=lists.get_list_webhooks(list_id)["total_items"],
    )


def results(client: Any, list_id: str) -> None:
    reports = client.reports
    campaigns = client.campaigns.list(list_id=list_id, status="sent", count=100)
    told = reports.get_all_campaign_reports(count=100)
    found = (one for one in told["reports"] if one["campaign_title"] == "Autumn offers")
    campaign_id = next(found)["id"]
    one = reports.get_campaign_report(campaign_id)
    sent = reports.get_campaign_recipients(campaign_id, count=1000)["total_items"]
    rows = reports.get_email_activity_for_campaign(campaign_id, count=1000)
    opens = reports.get_campaign_open_details(campaign_id, count=1000)
    links = reports.get_campaign_click_details(campaign_id)["urls_clicked"]
    actions = [act["action"] for row in rows["emails"] for act in row["activity"]]
    opened, clicked = one["opens"]["opens_total"], one["clicks"]["clicks_total"]
    clicks = sum(link["total_clicks"] for link in links)
    say(
        "reports",
        campaigns=campaigns["total_items"],
        reports=told["total_items"],
        sent=sent == rows["total_items"] == one["emails_sent"],
        opens=actions.count("open") == opens["total_opens"] == opened,
        clicks=actions.count("click") == clicks == clicked,
        left=reports.get_unsubscribed_list_for_campaign(campaign_id)["total_items"],
    )


def login(app: dict[str, str]) -> None:
    back, door = "http://127.0.0.1:9/back", f"{SANDBOX}/mailchimp/oauth2"
    asked = {"response_type": "code", "client_id": app["client_id"], "redirect_uri": back}
    let_in = http.get(
        f"{door}/authorize", params=asked | {"auto_approve": "1"}, allow_redirects=False
    )
    code = parse_qs(urlsplit(let_in.headers["location"]).query)["code"][0]
    grant = {"grant_type": "authorization_code", "code": code, "redirect_uri": back}
    named = {name: app[name] for name in ("client_id", "client_secret")}
    token = http.post(f"{door}/token", data=grant | named).json()["access_token"]
    headers = {"authorization": f"OAuth {token}"}
    where = http.get(f"{door}/metadata", headers=headers).json()
    client = client_of(access_token=token, server=where["dc"])
    say("by token", dc=where["dc"], lists=client.lists.get_all_lists()["total_items"])
    say("wrong key", **refusal(client_of(api_key="wrong-us6").ping.get))


def main() -> None:
    account = control("")["vendors"]["mailchimp"]
    list_id = account["lists"]["Newsletter"]
    client = client_of(api_key=next(iter(account["keys"])))
    read(client, list_id)
    mine = members(client, list_id)
    tags(client, list_id, mine)
    batch(client, list_id)
    many_calls(client, list_id)
    segments(client, list_id)
    webhooks(client, list_id)
    results(client, list_id)
    login(account["oauth"])


if __name__ == "__main__":
    main()
