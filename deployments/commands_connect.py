"""Commands that let our app into an account and take it out again: connect, disconnect."""

from typing import TYPE_CHECKING, Annotated

import typer

from deployments.desk import settings_of
from deployments.screen import complain, is_terminal, say, say_finding

if TYPE_CHECKING:
    from deployments.apps import AppAt


def connect(
    ctx: typer.Context,
    account: Annotated[
        str | None, typer.Argument(help="Name of the connection, as in connections.yaml.")
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Of the app's callback URL; 0 picks a free one.")
    ] = 8917,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the address, on a terminal.")
    ] = True,
    new_key: Annotated[
        bool, typer.Option("--new-key", help="Print a new SYNCLINE_KEY, and do nothing else.")
    ] = False,
) -> None:
    """Sign in by OAuth: let our app into a Pipedrive or Mailchimp account."""
    if new_key:
        from state.grants import new_key as made

        say(made())
        return
    if account is None:
        raise typer.BadParameter("name the connection: syncline connect ACCOUNT")
    from deployments.connecting import connect as sign_in
    from deployments.definitions import load

    settings = settings_of(ctx)

    def show(address: str, callback: str, app: "AppAt") -> None:
        complain(f"the app's callback URL has to be {callback}")
        complain(f"open this address, signed in to {app.words.name} {app.words.who}:")
        print(address, flush=True)
        if browser and is_terminal():
            import webbrowser

            webbrowser.open(address)

    definitions = load(settings, with_secrets=False)
    connected = sign_in(settings, definitions, account, port=port, show=show)
    say_finding("ok", account, f"connected as {connected.said}")
    if connected.missing_scopes:
        given = ", ".join(connected.missing_scopes)
        remedy = "give them to the app in Pipedrive's Developer Hub, then connect again"
        say_finding("warn", account, f"the app was not given {given}: calls will fail", remedy)


def disconnect(
    ctx: typer.Context,
    account: Annotated[str, typer.Argument(help="Name of the connection.")],
    only_here: Annotated[
        bool, typer.Option("--only-here", help="Forget the grant without telling the vendor.")
    ] = False,
) -> None:
    """Revoke what `connect` was given, and forget it; bots, flows, counts and links are kept."""
    from deployments.connecting import disconnect as sign_out
    from deployments.definitions import load

    settings = settings_of(ctx)
    definitions = load(settings, with_secrets=False)
    if told := sign_out(settings, definitions, account, only_here=only_here):
        say(f"{account}: {told}. Its syncs fail until somebody connects it again")
    else:
        say(f"{account} was not connected")
