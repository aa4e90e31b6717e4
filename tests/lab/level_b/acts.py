"""What people do at the vendors' own screens, and the bot's operator; the facts are written down.

`Scene` keeps, per person of the cast, what the judge needs to know about it: which addresses it
held, whether the bot selected it all the time, whether its addresses left or came back.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import orjson

from sandbox.stage import Stage
from sandbox.vendor import Request
from state import bots
from state.database import State
from state.errors import StateTrouble
from tests.lab.level_b.lab import SYNC, Live
from tests.lab.level_b.story import Act
from tests.lab.level_b.way import URL

BOB, LIST_KEY = "sandbox-pipedrive-bob", "sandbox-mailigen-key"
CAMPAIGNS = ("Product news 1", "Autumn offer", "Welcome series")
BOT, TIER = "customers", "Customer tier"
TOLD_AT_ONCE = ("on time", "doubled")


@dataclass
class Person:
    """One of the cast, as the script knows it."""

    id: int
    name: str
    addresses: list[str]
    inherited: list[str] = field(default_factory=list)  # of persons merged into this one
    is_there: bool = True
    is_selected: bool = True
    was_always_selected: bool = True
    is_edited_on_list: bool = False

    @property
    def address(self) -> str:
        return self.addresses[-1]


@dataclass
class Scene:
    """The cast and what became of it. Addresses are lower case."""

    live: Live
    people: list[Person] = field(default_factory=list)
    left: set[str] = field(default_factory=set)  # by an act of their own, and not back
    ever_left: set[str] = field(default_factory=set)
    joined: set[str] = field(default_factory=set)
    # How often an address was taken off while nobody of ours could know that it was there.
    unseen: Counter[str] = field(default_factory=Counter)
    suppressed: list[str] = field(default_factory=list)  # no call may subscribe these for now
    was_paused: bool = False
    is_wiped: bool = False  # everybody was deleted in the CRM: a guard has to stop that

    def do(self, act: Act) -> None:
        """Carry out an act; what cannot happen any more does not."""
        person = self.people[act.who % len(self.people)]
        was_in_doubt = person.address in self.live.doubts.open
        self.live.act(lambda: self._act(act, person, was_in_doubt=was_in_doubt))

    def _act(self, act: Act, person: Person, *, was_in_doubt: bool) -> None:
        email, before = person.address, self.status(person.address)
        ACTS[act.verb](self, person, act.number)
        is_off = act.verb == "remove" and before and not self.status(email)
        if is_off and was_in_doubt and self._is_put_there_by_us(email):
            self.unseen[email] += act.told not in TOLD_AT_ONCE

    def _is_put_there_by_us(self, email: str) -> bool:
        """Whether it was a request of ours that the vendor carried out, and nobody's own wish."""
        entries = (e for e in reversed(self.live.log.entries) if e.object == "members")
        return next((e.who == "us" for e in entries if e.subject == email), False)

    # -- at the list

    def play(self, kind: str, email: str, **more: Any) -> bool:
        """An event of the list; False when the sandbox says that it cannot happen."""
        stage = self.live.stage
        event = {"kind": kind, "email": email, **more}
        if "campaign" not in more:
            event["list"] = "Newsletter"
        try:
            stage.vendors["mailigen"].play(event)
        except ValueError:
            return False
        finally:
            stage.journal.write(stage.clock.now(), "mailigen", "PLAY", "", 200)
        return True

    def call(self, method: str, **fields: str) -> None:
        """One call of the account's owner at the list's vendor, at once and without faults."""
        stage = self.live.stage
        headers = {"content-type": "application/x-www-form-urlencoded"}
        query = [("output", "json"), ("method", method)]
        body = urlencode({"apikey": LIST_KEY, **fields}).encode()
        stage.perform("mailigen", Request("POST", "/1.8/", query, headers, body, stage.clock.now()))

    def status(self, email: str) -> str:
        """How an address stands on the list; '' when it is not there."""
        return status_of(self.live.stage, email)

    def leave(self, email: str) -> None:
        self.left.add(email)
        self.ever_left.add(email)

    # -- at the CRM

    def ask(self, method: str, path: str, body: Any = None) -> bool:
        """One call of a colleague's, at once and without faults; False when it was refused."""
        stage = self.live.stage
        headers = {"x-api-token": BOB, "content-type": "application/json",
                   "x-sandbox-root": f"{URL}/pipedrive"}  # fmt: skip
        raw = orjson.dumps(body) if body is not None else b""
        asked = Request(method, path, [], headers, raw, stage.clock.now())
        return stage.perform("pipedrive", asked).status < 300

    def edit(self, person: Person, **body: Any) -> bool:
        return person.is_there and self.ask("PATCH", f"/api/v2/persons/{person.id}", body)

    def tier(self, person: Person, label: str) -> bool:
        tier = self._tier_field()
        option = next(o["id"] for o in tier["options"] if o["label"] == label)
        return self.edit(person, custom_fields={tier["field_code"]: option})

    def tier_of(self, person: Person) -> str:
        """As the CRM shows it; '' when it is not set."""
        tier = self._tier_field()
        record = self.live.stage.vendors["pipedrive"].books["persons"].get(person.id) or {}
        chosen = record.get("custom_fields", {}).get(tier["field_code"])
        return next((str(o["label"]) for o in tier["options"] if o["id"] == chosen), "")

    def _tier_field(self) -> dict[str, Any]:
        fields = self.live.stage.vendors["pipedrive"].books["personFields"].live()
        return next(f for f in fields if f["field_name"] == TIER)


def cast(live: Live) -> Scene:
    """The persons the settled bot selects, each with the one address nobody shares."""
    scene = Scene(live)
    records = list(live.stage.vendors["pipedrive"].books["persons"].live())
    held = Counter(str(e["value"]).lower() for r in records for e in r["emails"])
    members = live.stage.vendors["mailigen"].books["members"].live()
    ours = {str(m["email"]).lower() for m in members if m["merges"].get("SOURCE")}
    for record in records:
        emails = [str(e["value"]).lower() for e in record["emails"]]
        if len(emails) == 1 and emails[0] in ours and held[emails[0]] == 1:
            scene.people.append(Person(record["id"], record["first_name"], [emails[0]]))
    return scene


def status_of(stage: Stage, email: str) -> str:
    for member in stage.vendors["mailigen"].books["members"].live():
        if str(member["email"]).lower() == email:
            return str(member["status"])
    return ""


def _open(scene: Scene, person: Person, number: int) -> None:
    scene.play("open", person.address, campaign=CAMPAIGNS[number % len(CAMPAIGNS)], times=number)


def _click(scene: Scene, person: Person, number: int) -> None:
    """Up to 3 that many times, above it once: a single click of any campaign can be asked for."""
    campaign, times = CAMPAIGNS[number % len(CAMPAIGNS)], number if number <= 3 else 1
    scene.play("click", person.address, campaign=campaign, times=times)


def _bounce(scene: Scene, person: Person, number: int) -> None:
    kind = "hard" if number == 1 else "soft"
    if scene.play("bounce", person.address, campaign=CAMPAIGNS[1], type=kind) and kind == "hard":
        scene.leave(person.address)


def _unsubscribe(scene: Scene, person: Person, _: int) -> None:
    if scene.status(person.address) == "subscribed" and scene.play("unsubscribe", person.address):
        scene.leave(person.address)


def _come_back(scene: Scene, person: Person, _: int) -> None:
    was_off_the_list = not scene.status(person.address)
    if person.address in scene.left and scene.play("subscribe", person.address):
        scene.left.discard(person.address)
        person.is_edited_on_list |= was_off_the_list  # the new entry holds no value of ours


def _remove(scene: Scene, person: Person, _: int) -> None:
    if scene.status(person.address) == "subscribed" and scene.play("remove", person.address):
        scene.leave(person.address)


def _suppress(scene: Scene, _: Person, number: int) -> None:
    """The account's owner bars somebody who is not on the list yet; `release` takes all back."""
    person = scene.people[-min(number, len(scene.people))]
    if not scene.status(person.address):
        scene.call("suppressedListSubscribe", email=person.address)
        scene.suppressed.append(person.address)


def _release(scene: Scene, _: Person, __: int) -> None:
    for email in scene.suppressed:
        scene.call("suppressedListUnsubscribe", email=email)
    scene.suppressed.clear()


def _edit_on_list(scene: Scene, person: Person, number: int) -> None:
    if scene.play("edit", person.address, fields={"FNAME": f"Edited {number}"}):
        person.is_edited_on_list = True


def _join(scene: Scene, _: Person, number: int) -> None:
    email = f"stranger.{number}@elsewhere.example"
    if scene.play("subscribe", email):
        scene.joined.add(email)


def _rename(scene: Scene, person: Person, number: int) -> None:
    name = f"{person.name.split(' ')[0]} {number}"
    if scene.edit(person, first_name=name):
        person.name = name


def _readdress(scene: Scene, person: Person, number: int) -> None:
    email = f"moved.{len(person.addresses)}.{number}.{person.id}@acme.example"
    if scene.edit(person, emails=[{"value": email, "primary": True, "label": "work"}]):
        person.addresses.append(email)


def _deselect(scene: Scene, person: Person, _: int) -> None:
    if scene.tier(person, "Bronze"):
        person.is_selected = person.was_always_selected = False


def _reselect(scene: Scene, person: Person, _: int) -> None:
    if scene.tier(person, "Gold"):
        person.is_selected = True


def _delete(scene: Scene, person: Person, _: int) -> None:
    if person.is_there and scene.ask("DELETE", f"/api/v2/persons/{person.id}"):
        person.is_there = person.was_always_selected = False


def _wipe(scene: Scene, _: Person, __: int) -> None:
    scene.is_wiped = True
    for person in scene.people:
        _delete(scene, person, 0)


def _merge(scene: Scene, person: Person, number: int) -> None:
    """The person disappears into another one, which gets its addresses as further ones."""
    other = scene.people[(scene.people.index(person) + number) % len(scene.people)]
    if not (person.is_there and other.is_there) or other is person:
        return
    if scene.ask("PUT", f"/v1/persons/{person.id}/merge", {"merge_with_id": other.id}):
        person.is_there = person.was_always_selected = other.was_always_selected = False
        other.inherited += [*person.addresses, *person.inherited]


def _add(scene: Scene, _: Person, number: int) -> None:
    email = f"new.{len(scene.people)}.{number}@acme.example"
    name = f"New{len(scene.people)}"
    body = {
        "name": f"{name} Arrival",
        "emails": [{"value": email, "primary": True, "label": "work"}],
    }
    if scene.ask("POST", "/api/v2/persons", body):
        newest = list(scene.live.stage.vendors["pipedrive"].books["persons"].live())[-1]
        person = Person(newest["id"], name, [email], was_always_selected=False)
        scene.people.append(person)
        scene.tier(person, "Gold")


def _pause(scene: Scene, _: Person, __: int) -> None:
    scene.was_paused |= _operate(
        scene, lambda state: bots.pause(state, SYNC, BOT, by="user", reason="")
    )


def _resume(scene: Scene, _: Person, __: int) -> None:
    _operate(scene, lambda state: bots.resume(state, SYNC, BOT))


def _operate(scene: Scene, what: Callable[[State], object]) -> bool:
    """What an operator types beside a run; False when the product refuses it."""
    try:
        what(State(scene.live.lab.engine, scene.live.stage.clock.now))
    except StateTrouble:
        return False
    return True


ACTS: dict[str, Callable[[Scene, Person, int], None]] = {
    "open": _open, "click": _click, "bounce": _bounce, "unsubscribe": _unsubscribe,
    "come_back": _come_back, "remove": _remove, "edit_on_list": _edit_on_list, "join": _join,
    "rename": _rename, "readdress": _readdress, "deselect": _deselect, "reselect": _reselect,
    "delete": _delete, "wipe": _wipe, "merge": _merge, "add": _add, "pause": _pause, "resume": _resume,
    "suppress": _suppress, "release": _release,
}  # fmt: skip
