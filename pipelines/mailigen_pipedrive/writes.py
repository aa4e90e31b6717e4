"""How each planned write of this sync is sent, and how it is found again.

activity, note    a visible last line `ref SL-...`, looked for in the person's plain lists
deal              the marker in a custom field of our own, archived and deleted ones included
list, merge var,  their own name or tag, looked for in the account's listings
deal field
list member       the address; read back with listMemberInfo

Persons and filters are pipelines/pipedrive_side's.
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from connectors.errors import Gone, OutcomeUnknown, Refused, TryAgain
from connectors.mailigen import Mailigen, batches
from connectors.pipedrive import Pipedrive
from pipelines.load import Sent
from pipelines.mailigen_pipedrive.bind import DEAL_FIELD
from state.deeds import Deed
from state.settings import Setting

PLAN_IS_FULL = re.compile(r"\b(limit|quota|upgrade)", re.IGNORECASE)  # as the connector guesses
ALREADY_THERE = "already"  # how Mailigen words a batch row whose address is on the list


@dataclass(frozen=True)
class Activities:
    crm: Pipedrive

    def send(self, deed: Deed) -> str:
        text = deed.body["note"]
        body = {**deed.body, "note": f"<p>{escape(text)}</p><p>ref {deed.marker}</p>"}
        return str(self.crm.create_activity(body))

    def find(self, deed: Deed) -> str | None:
        person = deed.body["participants"][0]["person_id"]
        return _text(self.crm.find_activity(person, deed.marker))


@dataclass(frozen=True)
class Deals:
    crm: Pipedrive
    field_code: Callable[[], str | None]

    def send(self, deed: Deed) -> str:
        code = self._code()
        return str(self.crm.create_deal({**deed.body, "custom_fields": {code: deed.marker}}))

    def find(self, deed: Deed) -> str | None:
        return _text(self.crm.find_deal(deed.body["person_id"], self._code(), deed.marker))

    def _code(self) -> str:
        code = self.field_code()
        if code is None:
            raise Refused(
                "pipedrive", "POST /api/v2/deals", f"the deal field {DEAL_FIELD!r} is missing"
            )
        return code


@dataclass(frozen=True)
class Notes:
    crm: Pipedrive

    def send(self, deed: Deed) -> str:
        content = f"<p>{escape(deed.body['text'])}</p><p>ref {deed.marker}</p>"
        return str(self.crm.create_note({"content": content, "person_id": deed.body["person_id"]}))

    def find(self, deed: Deed) -> str | None:
        return _text(self.crm.find_note(deed.body["person_id"], deed.marker))


@dataclass(frozen=True)
class DealFields:
    crm: Pipedrive

    def send(self, deed: Deed) -> str:
        return self.crm.create_deal_field(deed.body["name"], "varchar")

    def find(self, deed: Deed) -> str | None:
        return self.crm.find_deal_field(deed.body["name"])


@dataclass(frozen=True)
class Lists:
    engagement: Mailigen

    def send(self, deed: Deed) -> str:
        return self.engagement.create_list(deed.body["title"])

    def find(self, deed: Deed) -> str | None:
        return self.engagement.find_list(deed.body["title"])


@dataclass(frozen=True)
class MergeVars:
    engagement: Mailigen
    list_id: Callable[[], str]

    def send(self, deed: Deed) -> str:
        # A list made a moment ago comes with merge vars of the vendor's own.
        if there := self.find(deed):
            return there
        self.engagement.add_merge_var(self.list_id(), deed.body["tag"], deed.body["name"])
        return str(deed.body["tag"])

    def find(self, deed: Deed) -> str | None:
        tags = {str(v.get("tag")) for v in self.engagement.merge_vars(self.list_id())}
        return str(deed.body["tag"]) if deed.body["tag"] in tags else None


@dataclass(frozen=True)
class Members:
    """Places on the list. No call in here can change the status of somebody who is on it."""

    engagement: Mailigen
    list_id: Callable[[], str]
    left: Callable[[str, str], None]  # told of an opt-out seen right before a delete
    barred: Callable[[Sequence[str]], Collection[str]]  # which of these addresses, by now

    def parts(self, window: Sequence[Setting]) -> list[Sequence[Setting]]:
        """Creates travel together, as many as the vendor reads whole; all else is one request."""
        if window[0].verb != "create":
            return [[setting] for setting in window]
        cut, start = [], 0
        for batch in batches([_row(setting) for setting in window]):
            cut.append(window[start : start + len(batch)])
            start += len(batch)
        return cut

    def send(self, verb: str, window: Sequence[Setting]) -> list[Sent]:
        if verb == "create":
            return self._create(window)
        return [self._one(setting) for setting in window]

    def observe(self, setting: Setting) -> Any:
        tags = {
            tag
            for value in (setting.desired, setting.acknowledged)
            if value
            for tag in value["merges"]
        }
        for value in (setting.desired, setting.acknowledged):
            record = value and self.engagement.member(self.list_id(), value["email"])
            if record:
                merges = record.get("merges") or {}
                return {
                    "email": value["email"],
                    "merges": {tag: str(merges.get(tag) or "") for tag in sorted(tags)},
                }
        return None

    def _create(self, wanted: Sequence[Setting]) -> list[Sent]:
        """Put new members on the list, but for those a webhook barred since they were planned."""
        barred = self.barred([s.desired["email"] for s in wanted])
        window = [s for s in wanted if s.desired["email"] not in barred]
        left = [
            Sent(s.key, "refused", "the address was barred after this was planned")
            for s in wanted
            if s.desired["email"] in barred
        ]
        return [*left, *(self._subscribe(window) if window else ())]

    def _subscribe(self, window: Sequence[Setting]) -> list[Sent]:
        rows = [_row(setting) for setting in window]
        try:
            answer = self.engagement.subscribe_batch(self.list_id(), rows)
        except TryAgain:
            return [Sent(s.key, "planned") for s in window]
        except Refused as error:
            return [Sent(s.key, "refused", str(error)) for s in window]
        except OutcomeUnknown as error:
            return [Sent(s.key, "unknown", str(error)) for s in window]
        sent = []
        for setting in window:
            code, said = answer.errors.get(setting.desired["email"], (0, ""))
            if not said and not code:
                sent.append(Sent(setting.key, "done"))
            elif ALREADY_THERE in said.lower():
                sent.append(self._joined_meanwhile(setting))
            elif PLAN_IS_FULL.search(said):
                sent.append(Sent(setting.key, "stop", f"code {code}: the plan takes no more"))
            else:
                sent.append(Sent(setting.key, "refused", f"mailigen: code {code}: row refused"))
        return sent

    def _joined_meanwhile(self, setting: Setting) -> Sent:
        """Somebody joined between our reading and our write: only values may be written."""
        record = self.engagement.member(self.list_id(), setting.desired["email"]) or {}
        if record.get("status", "subscribed") != "subscribed":
            return Sent(setting.key, "refused", f"is {record.get('status')} on the list")
        return self._one(setting, verb="update")

    def _one(self, setting: Setting, verb: str = "") -> Sent:
        try:
            self._write(setting, verb or setting.verb)
        except TryAgain:
            return Sent(setting.key, "planned")
        except Refused as error:
            return Sent(setting.key, "refused", str(error))
        except OutcomeUnknown as error:
            return Sent(setting.key, "unknown", str(error))
        return Sent(setting.key, "done")

    def _write(self, setting: Setting, verb: str) -> None:
        list_id, wanted, last = self.list_id(), setting.desired, setting.acknowledged
        if verb == "delete":
            self._delete(list_id, last["email"])
        elif verb == "source":
            # Nobody selects it any more: whatever else stands there stays as it is (MG-25).
            source = {"SOURCE": wanted["merges"]["SOURCE"]}
            self.engagement.update_member(list_id, wanted["email"], source)
        elif verb == "move":
            self.engagement.update_member(
                list_id, last["email"], {"EMAIL": wanted["email"], **wanted["merges"]}
            )
        else:
            self.engagement.update_member(list_id, wanted["email"], wanted["merges"])
            if verb == "replace":
                self._delete(list_id, last["email"])

    def _delete(self, list_id: str, email: str) -> None:
        """Take a member off, after one more look: somebody may have left by himself meanwhile,
        and a deletion would forget that (ALL-08)."""
        record = self.engagement.member(list_id, email)
        if record is None:
            return
        if record.get("status") in ("unsubscribed", "bounced"):
            self.left(email, str(record["status"]))
        try:
            self.engagement.delete_member(list_id, email)
        except Gone:
            return  # somebody was faster; it is off the list, which is what was wanted


def _row(setting: Setting) -> dict[str, str]:
    return {"EMAIL": setting.desired["email"], **setting.desired["merges"]}


def _text(found: int | None) -> str | None:
    return None if found is None else str(found)
