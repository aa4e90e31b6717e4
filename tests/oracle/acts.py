"""What people do in a random history, at both vendors; each act tells what it did.

An act that finds nobody to do it to says so and does nothing.
"""

from typing import TYPE_CHECKING

from tests.oracle import scenarios as make
from tests.oracle.people import USABLE

if TYPE_CHECKING:
    from tests.oracle.histories import History

TIERS = ("Gold", "Silver", "Bronze", None)
BOUNCES = ("soft", "soft", "hard", "blocked", "temporary", "generic")


# -- in the CRM


def change_title(history: "History") -> str:
    person, title = history.person(), f"Title {history.dice.randrange(3)}"
    make.edit(history.bench, person, job_title=title)
    return f"person {person} is now {title}"


def change_name(history: "History") -> str:
    person, name = history.person(), f"Last {history.dice.randrange(3)}"
    make.edit(history.bench, person, last_name=name)
    return f"person {person} is now called {name}"


def change_tier(history: "History") -> str:
    person, tier = history.person(), history.dice.choice(TIERS)
    make.put_in_tier(history.bench, history.world, person, tier)
    return f"person {person} in tier {tier}"


def change_phone(history: "History") -> str:
    """With a phone the person is in the filter of those who have one; without it is not."""
    person, has_phone = history.person(), history.dice.random() < 0.5
    number = f"+371 2{history.dice.randrange(10**6, 10**7)}"
    ways = [{"value": number, "primary": True, "label": "work"}] if has_phone else []
    make.edit(history.bench, person, phones=ways)
    return f"person {person} has {number if has_phone else 'no phone'}"


def change_owner(history: "History") -> str:
    person, owner = history.person(), history.dice.choice(history.owners)
    make.edit(history.bench, person, owner_id=owner)
    return f"person {person} belongs to user {owner}"


def delete_person(history: "History") -> str:
    person = history.person()
    make.delete(history.bench, person)
    return f"person {person} deleted ({make.address(history.world, person)})"


def add_person(history: "History") -> str:
    email = history.fresh()
    tier = history.dice.choice(TIERS[:3])
    name = f"New {email.split('@')[0]}"
    person = make.add_person(history.bench, name, email, tier, world=history.world)
    return f"person {person} added ({email}, {tier})"


def merge_persons(history: "History") -> str:
    """The vendor's own merge: the first disappears into the second."""
    loser, winner = history.person(), history.person()
    if loser == winner:
        return "nobody merged"
    history.bench.crm.call("PUT", f"/v1/persons/{loser}/merge", {"merge_with_id": winner})
    history.bench.oracle.persons_merged(loser, winner)
    old, new = (make.address(history.world, each) for each in (loser, winner))
    return f"person {loser} ({old}) merged into person {winner} ({new})"


def move_to_fresh(history: "History") -> str:
    person, email = history.person(), history.fresh()
    make.readdress(history.bench, person, email)
    return f"person {person} moves from {make.address(history.world, person)} to {email}"


def move_to_shared(history: "History") -> str:
    person, other = history.person(), history.person()
    email = make.address(history.world, other)
    if not email or person == other:
        return "nobody moved"
    email = email.upper() if history.dice.random() < 0.5 else email
    make.readdress(history.bench, person, email)
    return f"person {person} moves from {make.address(history.world, person)} to {email}"


def add_second_address(history: "History") -> str:
    """Flagged or not: with the flag it becomes the first one, without it changes nothing."""
    person, email = history.person(), history.fresh()
    old = make.address(history.world, person) or "n/a"
    is_flagged = history.dice.random() < 0.5
    make.readdress(history.bench, person, old, email, primary=int(is_flagged))
    flagged = "flagged" if is_flagged else "not flagged"
    return f"person {person} has {email} beside {old} ({flagged})"


def lose_address(history: "History") -> str:
    person = history.person()
    make.edit(history.bench, person, emails=[])
    return f"person {person} has no address any more ({make.address(history.world, person)})"


def contact(history: "History") -> str:
    person = history.person()
    make.call_made(history.bench, person)
    # The tie-break goes by the second: two calls in one second would tell no order.
    history.bench.control("clock", advance_s=2)
    return f"person {person} called"


# -- at the list


def engage(history: "History") -> str:
    email, title = history.member(), history.title()
    kind, times = history.dice.choice(["open", "click"]), history.dice.randrange(1, 6)
    history.bench.play(kind, title, email, times=times)
    return f"{email}: {times} x {kind} of {title}"


def engage_ours(history: "History") -> str:
    """Somebody a bot selects, so that counts reach their thresholds."""
    email = history.contact()
    if not email:
        return "nobody engaged"
    title, kind = history.title(), history.dice.choice(["open", "click", "click"])
    times = history.dice.randrange(1, 4)
    history.bench.play(kind, title, email, times=times)
    return f"{email}: {times} x {kind} of {title}"


def send_one(history: "History") -> str:
    """An autoresponder's mail, or a campaign's to one who came later."""
    email, title = history.member(), history.title()
    history.bench.play("send", title, email)
    return f"{email}: {title} sent"


def send_campaign(history: "History") -> str:
    title = history.new_title()
    make.send_campaign(history.bench, title)
    return f"campaign {title} sent to everybody"


def leave(history: "History") -> str:
    email = history.member()
    history.bench.act("unsubscribe", email)
    history.left.has_left(email)
    return f"{email} unsubscribes"


def bounce(history: "History") -> str:
    email, title = history.member(), history.title()
    kind = history.dice.choice(BOUNCES)
    history.bench.play("bounce", title, email, type=kind)
    if kind == "hard":
        history.left.has_left(email)
    return f"{email}: {kind} bounce of {title}"


def come_back(history: "History") -> str:
    email = history.member("unsubscribed")
    if email:
        history.bench.act("subscribe", email)
        history.left.is_back(email)
    return f"{email or 'nobody'} subscribes again"


def join(history: "History") -> str:
    email = history.fresh()
    names = {"FNAME": f"Own {history.dice.randrange(3)}", "LNAME": "Joined"}
    history.bench.act("subscribe", email, fields=names)
    return f"{email} joins the list"


def join_as_person(history: "History") -> str:
    """Somebody the CRM knows, under any of the addresses, joins by an own act."""
    person = history.person()
    held = [way["value"].strip() for way in history.world.persons[person]["emails"]]
    ways = [email for email in held if USABLE.fullmatch(email)]
    if not ways:
        return "nobody joined"
    email = history.dice.choice(ways)
    history.bench.act("subscribe", email)
    history.left.is_back(email)
    return f"{email} of person {person} joins the list"


def take_off(history: "History") -> str:
    ours = [a for a in sorted(history.bench.oracle.synced()) if a in history.world.members]
    if not ours:
        return "nobody taken off"
    email = history.dice.choice(ours)
    history.bench.act("remove", email)
    history.left.has_left(email)
    return f"{email} taken off by hand"
