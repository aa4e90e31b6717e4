"""An episode of a random history: the list's plan is full, and later upgraded (MG-21)."""

from typing import TYPE_CHECKING

from tests.oracle import acts
from tests.oracle.bench import DONE, FAILED

if TYPE_CHECKING:
    from tests.oracle.histories import History


def live_through(history: "History") -> None:
    """Every bot is paused, the reason says what to do, nothing flows; then it goes on."""
    bench, told = history.bench, history.told
    limit = bench.subscribed_everywhere()
    bench.control("assumptions", vendor="mailigen", name="subscribers_limit", value=limit)
    told.append(f"-- the plan takes no more than {limit}")
    for act in (acts.add_person, acts.add_person, acts.add_person, acts.change_title):
        history.glance()
        told.append(act(history))
    start, before = bench.seq(), bench.world()
    ended = bench.command("run", "outside")
    bench.oracle.sweep(before, wrote=True)
    if ended.code == FAILED:
        bench.oracle.cut_short(bench.world())
        _stopped(history, ended.said)
        bench.control("assumptions", vendor="mailigen", name="subscribers_limit", value=None)
        told.append("-- the plan is upgraded, the bots are resumed")
        # A full plan pauses every bot, also one that its dead filter had stopped; whom the user
        # had paused before stays so.
        for life in bench.oracle.lives.listed:
            if not life.is_paused:
                bench.command("resume", "outside", "--bot", life.bot.id)
        history.settle()
        return
    bench.control("assumptions", vendor="mailigen", name="subscribers_limit", value=None)
    if ended.code != DONE:
        raise AssertionError(f"a run against a full plan ended with {ended.code}:\n{ended.said}")
    history.judge(start)


def _stopped(history: "History", said: str) -> None:
    bench = history.bench
    if "upgrade" not in said.lower():
        raise AssertionError(f"a full plan does not say to upgrade:\n{said}")
    listed = bench.command("list").said
    if "paused" not in listed.lower() or "upgrade" not in listed.lower():
        raise AssertionError(f"the list of bots does not say why they are paused:\n{listed}")
    start = bench.seq()
    ended = bench.command("run", "outside")
    made = [e for line in bench.effects(start) for e in line["effects"] if e["object"] == "members"]
    if ended.code != DONE or made:
        raise AssertionError(
            f"while every bot waits for room a run ended with {ended.code} and wrote {made}:\n"
            f"{ended.said}"
        )
