"""Commands for on-call: what may have happened, what was refused, and a person's word on both."""

from typing import TYPE_CHECKING, Annotated

import typer

from deployments.desk import settings_of
from deployments.screen import complain, is_terminal, require_yes, say, say_json, say_table
from pipelines.report import counted
from state.writers import sync_of

if TYPE_CHECKING:
    from deployments.oncall import Open
    from state.doubts import Verdict, Written

Sync = Annotated[str, typer.Argument(help="Name of the sync.")]
Json = Annotated[bool, typer.Option("--json", help="For scripts.")]
OPEN = 4
RISKS = {
    "deed": "{} may have happened. It is sent again without another look, so there may be two of "
    "it in {}.",
    "setting": "{} is written again, over whatever {} holds now.",
}
LOST = "{} was done once. It is sent again, so there are two of it in {} if it is still there."
SEND = "Send it again?"
COLUMNS = ("sync", "key", "what", "account", "since", "attempt", "held up", "said", "run",
           "decides itself", "to do")  # fmt: skip


def doubts(
    ctx: typer.Context,
    sync: Annotated[str | None, typer.Argument(help="Only this sync.")] = None,
    as_json: Json = False,
) -> None:
    """Writes whose outcome is unknown: what, since when, when it decides itself. 4 if any."""
    from deployments.oncall import chosen_writers, open_doubts, opened
    from state.doubts import on_their_way

    settings = settings_of(ctx)
    with opened(settings) as state:
        names = chosen_writers(settings, state, sync)
        found = open_doubts(settings, state, names)
        sending = on_their_way(state, names)
    for way in sending:
        name = sync_of(way.sync)
        complain(
            f"{name}: {counted(way.writes, 'write')} on the way by run {way.run_id} (host "
            f"{way.host}, process {way.pid}); ask again when it ended. If that process is dead, "
            f"`syncline run {name}` takes over"
        )
    if as_json:
        say_json([one.as_object() for one in found])
    elif found:
        _say_doubts(found)
    else:
        say(f"nothing is in doubt{f' in {sync}' if sync else ''}")
    raise typer.Exit(OPEN if found else 0)


def retry(
    ctx: typer.Context,
    sync: Sync,
    keys: Annotated[list[str] | None, typer.Argument(help="Write keys, SL- references.")] = None,
    all_of_them: Annotated[bool, typer.Option("--all", help="Everything refused.")] = False,
    bot: Annotated[
        str | None, typer.Option("--bot", "--flow", help="Only what this bot or flow causes.")
    ] = None,
    operation: Annotated[
        str | None, typer.Option(help="Only this, like create_note or update.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Have the next run send refused records again, with all their tries back."""
    from deployments import oncall

    is_narrowed = bot is not None or operation is not None
    if bool(keys) == (all_of_them or is_narrowed):
        raise typer.BadParameter("name the keys, or say --all, --bot or --operation without keys")
    settings = settings_of(ctx)
    with oncall.opened(settings) as state:
        names = oncall.chosen_writers(settings, state, sync)
        rows = oncall.refusals(state, names, keys or [], bot=bot, operation=operation)
        count = oncall.retry(state, rows)
        stopped = oncall.waiting_for_bots(state, sync, rows)
    if as_json:
        say_json({"sync": sync, "due": count, "keys": [row.key for row in rows]})
        return
    if not count:
        say(f"nothing of {sync} is refused" + (" and fits that" if is_narrowed else ""))
        return
    records = counted(count, "refused record")
    say(f"{records} of {sync} due now, with all tries back: the next run sends them again")
    for name in stopped:
        complain(f"but not those of {name}, which does not run: syncline resume {sync}")


def settle(
    ctx: typer.Context,
    key: Annotated[str, typer.Argument(metavar="KEY", help="A key or SL- reference of doubts.")],
    happened: Annotated[bool, typer.Option("--happened", help="It is at the vendor.")] = False,
    remote_id: Annotated[str, typer.Option("--id", help="The vendor's id of it.")] = "",
    send_again: Annotated[bool, typer.Option("--send-again", help="It is not; send it.")] = False,
    by: Annotated[str | None, typer.Option(help="Who says so; default: who is logged in.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """A person's word on one doubt, or on a write that the audit calls lost; kept for good."""
    from getpass import getuser

    from deployments import oncall

    if happened == send_again:
        raise typer.BadParameter("say either --happened or --send-again")
    if send_again and remote_id:
        raise typer.BadParameter("--id belongs to --happened: what is to be sent has no id yet")
    word: Verdict = "happened" if happened else "send again"
    tied = remote_id.strip()
    settings = settings_of(ctx)
    who = by or getuser()
    about: Written
    with oncall.opened(settings) as state:
        if lost := oncall.one_lost(settings, state, key):
            about = lost
            oncall.refuse_impossible_id(lost, tied)
            if send_again:
                require_yes(LOST.format(lost.key, lost.account), SEND, is_agreed=yes)
            oncall.settle_lost(settings, state, lost, word, by=who, remote_id=tied)
        elif tied and (settled := oncall.one_by_hand(settings, state, key)):
            about = settled
            oncall.refuse_impossible_id(settled, tied)
            oncall.tie_again(settings, state, settled, by=who, remote_id=tied)
        else:
            about = doubt = oncall.one_doubt(state, key)
            oncall.refuse_impossible_id(doubt, tied)
            if send_again:
                risk = RISKS[doubt.kind].format(doubt.key, doubt.account)
                require_yes(risk, SEND, is_agreed=yes)
            oncall.settle(settings, state, doubt, word, by=who, remote_id=tied)
        sync = sync_of(about.sync)
        stopped = oncall.waiting_for_bots(state, sync, [about])
    if happened:
        say(f"{about.key} is done" + (f", as {about.object} {tied}" if tied else ""))
    elif stopped:
        say(f"{about.key} is planned again")
        complain(f"but its {stopped[0]} does not run: syncline resume {sync}")
    else:
        say(f"{about.key} is planned again; syncline run {sync} sends it")


def _say_doubts(found: "list[Open]") -> None:
    rows = [_row(one) for one in found]
    if not is_terminal():
        say_table(COLUMNS, rows)
        return
    from rich.console import Console
    from rich.text import Text

    console = Console()
    for row in rows:
        named = dict(zip(COLUMNS, row, strict=True))
        title = Text(f"{named.pop('sync')}: {named.pop('key')}", style="bold yellow")
        console.print(title, soft_wrap=True)
        to_do = named.pop("to do")
        for name, value in named.items():
            if value not in ("", 0):
                console.print(Text(f"    {name}: {value}"), soft_wrap=True)
        console.print(Text(f"    -> {to_do}"), soft_wrap=True)


def _row(one: "Open") -> tuple[object, ...]:
    doubt = one.doubt
    what = " ".join(filter(None, (doubt.operation, doubt.object, doubt.reference)))
    since = f"{doubt.since:%Y-%m-%d %H:%M:%S} UTC" if doubt.since else ""
    return (
        sync_of(doubt.sync), doubt.key, f"{what} for {doubt.subject}" if doubt.subject else what,
        doubt.account, since, doubt.attempt, doubt.held_up, doubt.said or doubt.state,
        doubt.run_id, one.decides, one.to_do,
    )  # fmt: skip
