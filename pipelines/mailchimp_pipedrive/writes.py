"""How each planned write of this sync is sent, and how it is found again.

person        made by its address, found among the persons changed since
its fields    PATCH by id; read back from the person
member        POST, which refuses whoever is there in any state; found by the address
its fields    PATCH by contact_id, without a status; read back from the member
tag           its own call; found in the member's tags

What an answer shows is kept with the write (`held`): vendors rewrite what they are sent, and a
value that came of our own write is no change of anybody's. Where no answer came, a look keeps so
each value that can be told to have come of it.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from connectors.errors import AlreadyThere, Barred, Gone, OutcomeUnknown, Refused, TryAgain
from connectors.mailchimp import Mailchimp, Outcome
from connectors.mailchimp.members import NewMember
from connectors.pipedrive import Pipedrive
from pipelines.load import NOT_YET, Made, Sent, Shown
from pipelines.mailchimp_pipedrive import bodies, bulk
from pipelines.pipedrive_side.persons import EARLIER
from state import consent
from state.deeds import Deed
from state.settings import Setting

THERE_BY_NOW = "is a contact of the audience by now: the next run writes its fields"
Held = dict[str, dict[str, str]]


@dataclass(frozen=True)
class NewPersons:
    """People that a flow brings to the CRM."""

    crm: Pipedrive
    sync: str
    now: Callable[[], datetime]

    def send(self, deed: Deed) -> Made:
        """Make the person. What the answer shows of all that the flow maps is the base of its
        fields: what the vendor made of the name alone is no change of anybody's."""
        body = {"name": deed.body["name"], "emails": deed.body["emails"]}
        sending_at = self.crm.vendor_now()
        answer = self.crm.add_person(body | bodies.of_person(deed.body, {}))
        return self._made(deed, answer, sending_at, is_known=lambda _code, _shown: True)

    def find(self, deed: Deed) -> str | Made | None:
        """Of a person that was looked for, what can be told to have come of our request is base."""
        found = self.crm.find_person(
            deed.natural_key, deed.sending_at and deed.sending_at - EARLIER
        )
        if found is None:
            return None

        def is_known(code: str, shown: str) -> bool:
            if code in deed.body["fields"]:
                return bodies.came_of(str(deed.body["fields"][code]), shown)
            return shown in deed.body["name"]  # the vendor makes first and last names of it

        try:
            person = self.crm.person(found)
        except Gone:
            return str(found)
        return self._made(deed, person, deed.sending_at, is_known)

    def _made(
        self, deed: Deed, person: dict[str, Any], sending_at: datetime | None,
        is_known: Callable[[str, str], bool],
    ) -> Made:  # fmt: skip
        sources = dict(deed.body["sources"])
        wanted = {
            "person": int(person["id"]), "fields": dict(deed.body["fields"]),
            "email": deed.natural_key, "replaces": None, "sources": sources,
            "tags": deed.body["tags"], "types": deed.body["types"],
            "currency": deed.body["currency"],
        }  # fmt: skip
        mapped = dict.fromkeys(code for code in deed.body["tags"] if code != "email")
        shown = bodies.shown_of_person(person, wanted | {"fields": mapped})
        made = {
            code: (text, str(sources.get(code, "")))
            for code, text in shown.items() if is_known(code, text)
        }  # fmt: skip
        setting = Setting(
            deed.account, deed.object, deed.subject,
            f"{self.sync}/{deed.bot_id}/{deed.body['list']}", desired=wanted, verb="update",
            natural_key=deed.natural_key, reason=deed.reason, sending_at=sending_at,
        )  # fmt: skip
        holds = replace(setting, held=_held(setting, made, self.now()))
        return Made(str(wanted["person"]), holds)


@dataclass(frozen=True)
class PersonFields:
    """Fields of persons that are there."""

    crm: Pipedrive
    now: Callable[[], datetime]

    def parts(self, window: Sequence[Setting]) -> list[Sequence[Setting]]:
        return [[setting] for setting in window]

    def send(self, verb: str, window: Sequence[Setting]) -> list[Sent]:  # noqa: ARG002 - one verb
        return [_sent(setting, self._update) for setting in window]

    def observe(self, setting: Setting) -> Any:
        """What was sent, if the person shows it; nothing for a person that is gone."""
        wanted = setting.desired
        try:
            person = self.crm.person(wanted["person"])
        except Gone:
            return None
        shown = bodies.shown_of_person(person, wanted)
        sent = wanted["fields"] | {"email": wanted["email"]}
        made = {
            code: (text, str(wanted["sources"].get(code, "")))
            for code, text in shown.items() if _is_ours(code, sent[code], text)
        }  # fmt: skip
        value = wanted if len(made) == len(shown) else shown
        return Shown(value, _held(setting, made, self.now()))

    def _update(self, setting: Setting) -> Sent:
        wanted = setting.desired
        person = self.crm.person(wanted["person"]) if bodies.needs_person(wanted) else {}
        answer = self.crm.update_person(
            wanted["person"], bodies.of_person(wanted, person, wanted["replaces"])
        )
        shown = bodies.shown_of_person(answer, wanted)
        made = {code: (shown[code], str(wanted["sources"].get(code, ""))) for code in shown}
        held = _held(setting, made, self.now())
        return Sent(setting.key, "done", remote_id=str(wanted["person"]), held=held)


@dataclass(frozen=True)
class Members:
    """Contacts of audiences. No call in here can change the status of somebody who is there."""

    engagement: Mailchimp
    now: Callable[[], datetime]
    sleep: Callable[[float], None]
    barred: Callable[[Sequence[str]], Collection[str]]  # which of these addresses, by now
    left: Callable[[str, consent.Kind], None]  # told of an opt-out that a refusal shows

    def parts(self, window: Sequence[Setting]) -> list[Sequence[Setting]]:
        """Large updates travel as one batch, all else is one request each."""
        if window[0].verb == "update" and len(window) >= bulk.FEWEST:
            return [window]
        return [[setting] for setting in window]

    def send(self, verb: str, window: Sequence[Setting]) -> list[Sent]:
        if len(window) > 1:
            return self._in_batch(window)
        how = {"create": self._create, "tag": self._tag}.get(verb, self._update)
        return [_sent(setting, how, self.left) for setting in window]

    def observe(self, setting: Setting) -> Any:
        """What was sent, if the member shows it; nothing where there is no member.

        NOT_YET while a batch goes on: what the member shows then may be overwritten by it.
        """
        wanted = setting.desired
        if setting.verb == "update" and bulk.is_at_work(self.engagement):
            return NOT_YET
        member = self._found(wanted)
        if member is None:
            return None
        if setting.verb == "tag":
            tags = self.engagement.tags_of(wanted["list"], str(member["contact_id"]))
            return wanted if wanted["tag"] in {str(one["name"]) for one in tags} else {}
        shown = {tag: bodies.plain(member["merge_fields"].get(tag)) for tag in wanted["fields"]}
        ours = {tag for tag, text in wanted["fields"].items() if _is_ours(tag, text, shown[tag])}
        is_there = str(member["email_address"]).lower() == str(wanted["email"]).lower()
        ours |= {"EMAIL"} if is_there else set()
        made = _made_of_member(wanted, member)
        made = {code: pair for code, pair in made.items() if wanted["tags"].get(code) in ours}
        is_all = is_there and ours >= set(wanted["fields"])
        value = wanted if is_all else {"email": None, "fields": shown}
        return Shown(value, _held(setting, made, self.now()))

    def _in_batch(self, window: Sequence[Setting]) -> list[Sent]:
        try:
            outcomes = bulk.update(self.engagement, window, self.sleep)
        except TryAgain:
            return [Sent(one.key, "planned") for one in window]
        except Refused as error:
            return [Sent(one.key, "refused", str(error)) for one in window]
        except (OutcomeUnknown, bulk.NotOverError) as error:
            return [Sent(one.key, "unknown", str(error)) for one in window]

        def answered(setting: Setting, outcome: Outcome) -> Sent:
            if outcome.error is not None:
                raise outcome.error
            return self._shown(setting, outcome.record or {})

        return [
            _sent(one, partial(answered, outcome=outcomes[str(place)]), self.left)
            for place, one in enumerate(window)
        ]

    def _found(self, wanted: dict[str, Any]) -> dict[str, Any] | None:
        return self.engagement.member(wanted["list"], wanted.get("member") or wanted["email"])

    def _create(self, setting: Setting) -> Sent:
        """Subscribe somebody the audience does not know, unless barred since it was planned."""
        wanted = setting.desired
        if self.barred([wanted["email"]]):
            return Sent(setting.key, "refused", "the address was barred after this was planned")
        new = NewMember(
            wanted["email"], bodies.of_member(wanted), (wanted["tag"],) if wanted.get("tag") else ()
        )
        try:
            answer = self.engagement.add_member(wanted["list"], new)
        except AlreadyThere:
            # Came meanwhile, in whatever state: the next plan reads it and writes its fields.
            return Sent(setting.key, "refused", THERE_BY_NOW)
        return self._shown(setting, answer)

    def _update(self, setting: Setting) -> Sent:
        wanted = setting.desired
        place = (wanted["list"], wanted["member"])
        if setting.verb == "move":
            answer = self.engagement.move_member(*place, wanted["email"], bodies.of_member(wanted))
        else:
            answer = self.engagement.update_member(*place, bodies.of_member(wanted))
        return self._shown(setting, answer)

    def _tag(self, setting: Setting) -> Sent:
        wanted = setting.desired
        self.engagement.tag_member(wanted["list"], wanted["member"], [wanted["tag"]])
        return Sent(setting.key, "done")

    def _shown(self, setting: Setting, answer: dict[str, Any]) -> Sent:
        """What the vendor made of our values, beside the values of the CRM they came from."""
        wanted = setting.desired
        made = _made_of_member(wanted, answer)
        remote_id = f"{wanted['list']}/{wanted['member'] or answer['contact_id']}"
        return Sent(setting.key, "done", remote_id=remote_id, held=_held(setting, made, self.now()))


def _sent(
    setting: Setting, how: Callable[[Setting], Sent],
    left: Callable[[str, consent.Kind], None] = lambda *_: None,
) -> Sent:  # fmt: skip
    """Send one setting, and say truthfully what became of it."""
    try:
        return how(setting)
    except TryAgain:
        return Sent(setting.key, "planned")
    except Barred as error:
        is_erased = error.because == "forgotten"
        left(str(setting.desired["email"]), "erased" if is_erased else "unsubscribed")
        return Sent(setting.key, "refused", str(error))
    except Refused as error:
        return Sent(setting.key, "refused", str(error))
    except OutcomeUnknown as error:
        return Sent(setting.key, "unknown", str(error))


def _made_of_member(wanted: dict[str, Any], member: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """(value of the CRM it came from, value the member shows) of each field that was sent."""
    merges = member.get("merge_fields") or {}
    return {
        code: (
            str(value),
            str(member.get("email_address") or wanted["email"]).lower() if code == "email"
            else bodies.plain(merges.get(wanted["tags"].get(code))),
        )
        for code, value in wanted["sources"].items()
    }  # fmt: skip


def _is_ours(name: str, sent: Any, shown: str) -> bool:
    """Whether what is shown can have come of what was sent; an address only as it is."""
    return shown == sent if name == "email" else bodies.came_of(str(sent), shown)


def _held(setting: Setting, made: dict[str, tuple[str, str]], at: datetime) -> Held:
    """The memory of the pair, with what this answer adds to it."""
    tags = setting.desired["tags"]
    return (setting.held or {}) | {
        code: {"tag": tags[code], "crm": crm, "engagement": engagement, "at": at.isoformat()}
        for code, (crm, engagement) in made.items()
    }
