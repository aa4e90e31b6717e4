"""What the operator does to bots, filters and the definition in a random history."""

import copy
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.oracle import scenarios as make
from tests.oracle.bench import DONE
from tests.oracle.reading import Json

if TYPE_CHECKING:
    from tests.oracle.histories import History

PERSON_FIELDS = ("phone", "job_title", "Customer tier", "Region")
ORGANIZATION_FIELDS = ("name", "address")


# -- the life of a bot


def pause_bot(history: "History") -> str:
    lives = history.bench.oracle.lives
    # One that is created again is deleted until a run has met it.
    able = [
        life.bot.id for life in lives.listed
        if not (life.is_new or life.is_paused or life.is_deleted)
    ]  # fmt: skip
    able = [bot for bot in able if bot in history.listed()]
    if not able:
        return "no bot to pause"
    bot = history.dice.choice(sorted(able))
    _command(history, "pause", bot)
    lives.pause(bot)
    return f"bot {bot} paused"


def resume_bot(history: "History") -> str:
    lives = history.bench.oracle.lives
    able = [life.bot.id for life in lives.listed if life.is_paused and not life.is_deleted]
    if not able:
        return "no bot to resume"
    bot = history.dice.choice(sorted(able))
    _command(history, "resume", bot)
    lives.resume(bot)
    return f"bot {bot} resumed"


def retire_bot(history: "History") -> str:
    """Out of the definition, and perhaps deleted at once; refused while it is listed."""
    bots = history.wanted["bots"]
    known = [life.bot.id for life in history.bench.oracle.lives.listed]
    able = [bot for bot in bots if bot["id"] in known]
    if len(bots) < 2 or not able:
        return "no bot to retire"
    gone = history.dice.choice(able)
    at_once = history.dice.random() < 0.5
    if at_once:
        refused = history.bench.command("delete", "outside", "--bot", gone["id"])
        if refused.code == DONE:
            raise AssertionError(f"bot {gone['id']} was deleted while the definition lists it")
    history.retired[gone["id"]] = gone
    history.redefine(bots=[bot for bot in bots if bot is not gone])
    if at_once:
        _command(history, "delete", gone["id"])
        history.bench.oracle.lives.delete(gone["id"])
    return f"bot {gone['id']} taken out{' and deleted at once' if at_once else ''}"


def create_again(history: "History") -> str:
    if not history.retired:
        return "no bot to create again"
    bot_id = history.dice.choice(sorted(history.retired))
    back = history.retired.pop(bot_id)
    history.redefine(bots=[*history.wanted["bots"], back])
    return f"bot {bot_id} created again"


# -- what the definition says


def change_after(history: "History") -> str:
    bot, rules = _rules_of_some_bot(history)
    if not rules:
        return "no rule to edit"
    place = history.dice.randrange(len(rules))
    old = rules[place]["after"]
    new = max(1, old + history.dice.choice((-1, 1, 2)))
    bot = copy.deepcopy(bot)
    rule = [*bot.get("activities", ()), *bot.get("deals", ())][place]
    rule["after"] = new
    _replace_bot(history, bot)
    return f"bot {bot['id']}: rule {rule['id']} after {new}, was {old}"


def change_repeat(history: "History") -> str:
    """Fired once becomes fired again and again, or the other way: nothing of before fires again."""
    bot, rules = _rules_of_some_bot(history)
    if not rules:
        return "no rule to edit"
    place = history.dice.randrange(len(rules))
    bot = copy.deepcopy(bot)
    rule = [*bot.get("activities", ()), *bot.get("deals", ())][place]
    rule["repeat"] = "once" if rule.get("repeat") == "every" else "every"
    _replace_bot(history, bot)
    return f"bot {bot['id']}: rule {rule['id']} fires {rule['repeat']}"


def change_notes(history: "History") -> str:
    bot = copy.deepcopy(history.dice.choice(history.wanted["bots"]))
    kind = history.dice.choice(("open", "click", "send", "bounce"))
    notes = list(bot.get("notes", ()))
    bot["notes"] = [k for k in notes if k != kind] if kind in notes else [*notes, kind]
    _replace_bot(history, bot)
    return f"bot {bot['id']} notes {bot['notes']}"


def choose_fields(history: "History") -> str:
    dice = history.dice
    person = [name for name in PERSON_FIELDS if dice.random() < 0.7]
    organization = [name for name in ORGANIZATION_FIELDS if dice.random() < 0.7]
    history.redefine(fields={"person": person, "organization": organization})
    return f"fields are now {person} and {organization}"


# -- filters


def change_filter(history: "History") -> str:
    """Other tiers: some enter, some leave."""
    filter_id = history.filter_of("customers")
    if filter_id is None:
        return "no filter to change"
    tiers = history.dice.choice((("Gold",), ("Silver", "Bronze"), ("Gold", "Silver"), ("Bronze",)))
    body = {"conditions": _in_tiers(history, tiers)}
    history.bench.crm.call("PUT", f"/v1/filters/{filter_id}", body)
    return f"filter {filter_id} selects {', '.join(tiers)}"


def delete_filter(history: "History") -> str:
    filter_id = history.filter_of("customers")
    # One that no run has met yet is a name nobody knows, which is a mistake in the definition.
    met = {life.bot.filter_id for life in history.bench.oracle.lives.listed}
    if filter_id is None or filter_id not in met:
        return "no filter to delete"
    history.bench.crm.call("DELETE", f"/v1/filters/{filter_id}")
    return f"filter {filter_id} deleted"


def give_new_filter(history: "History") -> str:
    """A bot whose filter is gone, or any other, gets a filter of its own by id."""
    bot = next((b for b in history.wanted["bots"] if b["id"] == "customers"), None)
    if bot is None:
        return "no bot to give a filter"
    tiers = history.dice.choice((("Gold", "Silver"), ("Gold", "Bronze")))
    body: Json = {"name": f"Drawn {history.serial()}", "type": "people"}
    body["conditions"] = _in_tiers(history, tiers)
    made = history.bench.crm.call("POST", "/v1/filters", body)["data"]["id"]
    # Other contacts need a confirmation of their own (MG-13).
    confirmed = bot["consent"] | {"on": f"{datetime.now(UTC):%Y-%m-%d}"}
    _replace_bot(history, bot | {"contacts": {"filter": int(made)}, "consent": confirmed})
    return f"bot customers goes by the new filter {made} ({', '.join(tiers)})"


def _in_tiers(history: "History", tiers: tuple[str, ...]) -> Json:
    _, options = make.tiers(history.world)
    any_of = [
        history.tier_condition | {"value": str(options[tier])} for tier in tiers
    ]  # fmt: skip
    groups = [{"glue": "and", "conditions": []}, {"glue": "or", "conditions": any_of}]
    return {"glue": "and", "conditions": groups}


def _rules_of_some_bot(history: "History") -> tuple[Json, list[Any]]:
    bot = history.dice.choice(history.wanted["bots"])
    return bot, [*bot.get("activities", ()), *bot.get("deals", ())]


def _replace_bot(history: "History", bot: Json) -> None:
    bots = history.wanted["bots"]
    history.redefine(bots=[bot if each["id"] == bot["id"] else each for each in bots])


def _command(history: "History", word: str, bot: str) -> None:
    ended = history.bench.command(word, "outside", "--bot", bot)
    if ended.code != DONE:
        raise AssertionError(f"{word} of bot {bot} ended with {ended.code}:\n{ended.said}")
