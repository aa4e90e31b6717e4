"""What Mailchimp's own client for Python reads of an audience, a JSON line each: its members, alone
and listed, its tags with who has them, its webhooks and the account's batches.

Runs in an environment of its own (build/mailchimp), which has the client and nothing of ours.
"""

import json
import os
from collections.abc import Iterator
from typing import Any

import mailchimp_marketing

PAGE = 100


def main() -> None:
    client = mailchimp_marketing.Client({"api_key": os.environ["KEY"]})
    client.api_client.host = f"{os.environ['SANDBOX']}/mailchimp/3.0"
    lists = client.lists
    (list_id,) = [
        one["id"] for one in lists.get_all_lists()["lists"] if one["name"] == os.environ["AUDIENCE"]
    ]
    for listed in everybody(lists, list_id):
        alone = lists.get_list_member(list_id, listed["id"])
        tags = lists.get_list_member_tags(list_id, listed["id"])["tags"]
        say(
            member=alone["email_address"], status=alone["status"], merges=alone["merge_fields"],
            tags=sorted(one["name"] for one in tags),
            same_listed=all(
                alone[name] == listed[name]
                for name in ("status", "merge_fields", "email_address", "contact_id", "tags")
            ),
        )  # fmt: skip
    for segment in lists.list_segments(list_id, type="static", count=PAGE)["segments"]:
        has = lists.get_segment_members_list(list_id, segment["id"], count=PAGE)["members"]
        say(tag=segment["name"], has=sorted(one["email_address"] for one in has))
    for hook in lists.get_list_webhooks(list_id)["webhooks"]:
        say(webhook=hook["url"].partition("?")[0], sources=hook["sources"])
    for batch in client.batches.list()["batches"]:
        told = client.batches.status(batch["id"])
        say(batch=told["status"], total=told["total_operations"], errors=told["errored_operations"])


def everybody(lists: Any, list_id: str) -> Iterator[dict[str, Any]]:
    seen = 0
    for status in ("", "archived"):
        only, seen = ({"status": status} if status else {}), 0
        while page := lists.get_list_members_info(list_id, count=PAGE, offset=seen, **only)[
            "members"
        ]:
            yield from (one for one in page if status or one["status"] != "archived")
            seen += len(page)


def say(**told: Any) -> None:
    print(json.dumps(told), flush=True)


main()
