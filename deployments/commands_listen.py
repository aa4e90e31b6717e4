"""The command that keeps a port open, and the one that takes its webhooks away."""

from typing import TYPE_CHECKING, Annotated

import typer

from deployments.desk import settings_of
from deployments.screen import complain
from deployments.trouble import UsageTrouble

if TYPE_CHECKING:
    from pipelines.definition import SyncDefinition
    from pipelines.settings import Connections, Settings


class ListenUsageError(UsageTrouble):
    """What was asked for would let in whom it should not, or could never ring."""


def listen(
    ctx: typer.Context,
    syncs: Annotated[
        list[str] | None, typer.Argument(help="Names; default: every sync, also one added later.")
    ] = None,
    host: Annotated[str, typer.Option(help="Where the port opens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 picks a free one.")] = 8500,
    public_url: Annotated[
        str, typer.Option(help="Where vendors reach this port, https://hooks.example.com")
    ] = "",
    wake_after: Annotated[
        str, typer.Option(help="Least time between two runs of a sync: 60s, 5m.")
    ] = "60s",
    expose: Annotated[
        bool, typer.Option("--expose", help="Allow a --host that is not loopback.")
    ] = False,
) -> None:
    """Receive webhooks, and run the syncs they ring for within a second or two."""
    from deployments.definitions import load
    from deployments.doorkeepers import rings

    address = _refuse_open_door(host, expose, public_url), port, _refuse_odd_url(public_url)
    seconds = _seconds(wake_after)
    settings = settings_of(ctx)
    definitions = load(settings)
    # Each once, also when it was named twice.
    names = sorted(set(syncs)) if syncs else [one.name for one in definitions.all() if rings(one)]
    if not names:
        raise ListenUsageError(
            f"no syncs in {settings.syncs} whose vendors ring: there is nobody to listen for"
        )
    chosen = [definitions.get(name) for name in names]
    _refuse_deaf(chosen, definitions.connections, settings, public_url)
    from deployments.listening import Address
    from deployments.listening import listen as listen_until_told

    if settings.prefect_api_url is None:
        complain("runs in this process; PREFECT_API_URL is not set, so Prefect records nothing")
    else:
        from deployments.running import require_server

        require_server(settings.prefect_api_url)
        complain(f"runs are recorded as Prefect flow runs on {settings.prefect_api_url}")
    listen_until_told(
        settings, chosen, definitions.connections, Address(*address), seconds, _say_at_once,
        are_all=not syncs,
    )  # fmt: skip


def unlisten(
    ctx: typer.Context,
    syncs: Annotated[list[str], typer.Argument(help="Names, listed or not any more.")],
) -> None:
    """Remove the webhooks of syncs, and what waits for them in the inbox; schedules go on."""
    from deployments.closing import close_door, has_door
    from deployments.definitions import load
    from deployments.doorkeepers import accounts_of
    from deployments.oncall import opened
    from deployments.screen import say

    settings = settings_of(ctx)
    definitions = load(settings, with_secrets=False)
    with opened(settings) as state:
        listed: dict[str, tuple[str, ...]] = {}
        for sync in sorted(set(syncs)):
            # One that no file lists any more may still have a webhook; a misspelt one has none.
            is_left = sync not in definitions.syncs and has_door(settings, state, sync)
            listed[sync] = () if is_left else accounts_of(definitions.get(sync))
        raise typer.Exit(
            max(
                close_door(settings, definitions.connections, state, sync, accounts, say)
                for sync, accounts in listed.items()
            )
        )


def _say_at_once(line: str) -> None:
    """A line with its time; whoever reads it through a pipe sees it now."""
    from datetime import UTC, datetime

    print(f"{datetime.now(UTC):%H:%M:%S} {line}", flush=True)


def _refuse_open_door(host: str, expose: bool, public_url: str) -> str:
    from connectors.http import is_loopback

    if is_loopback(host):
        return host
    if expose and not public_url:
        raise ListenUsageError(f"--host {host} needs --public-url: no vendor can call {host}")
    if expose:
        return host
    raise ListenUsageError(
        f"--host {host} would open the port to everybody who reaches this machine, without TLS: "
        "addresses would travel in the clear. Leave it at 127.0.0.1 and let a reverse proxy with "
        "TLS pass requests on; or add --expose where something else keeps others out (a container)"
    )


def _refuse_odd_url(url: str) -> str:
    import httpx

    from connectors.http import address_of, is_loopback

    if not url:
        return ""
    try:
        url = address_of(url, "--public-url")
    except ValueError as error:
        raise ListenUsageError(str(error)) from error
    parsed = httpx.URL(url)
    if parsed.scheme == "http" and not is_loopback(parsed.host):
        raise ListenUsageError(
            f"--public-url {url} has no TLS: addresses would travel in the clear; make it https"
        )
    return url


def _refuse_deaf(
    chosen: "list[SyncDefinition]",
    connections: "Connections",
    settings: "Settings",
    public_url: str,
) -> None:
    """Refuse before a port is open what would have to be refused after."""
    from deployments.doorkeepers import DeafError, refuse_deaf
    from pipelines.listening import NoWebhookSecretError
    from pipelines.settings import MissingSecretError

    for definition in chosen:
        try:
            refuse_deaf(definition, connections, settings, public_url)
        except (NoWebhookSecretError, MissingSecretError, DeafError) as error:
            raise ListenUsageError(f"{definition.name}: {error}") from error


def _seconds(text: str) -> float:
    from pipelines.definition import SECONDS

    number, unit = text[:-1], text[-1:]
    if not number.isdecimal() or not number.isascii() or unit not in SECONDS:
        raise ListenUsageError(f"--wake-after {text} is no length of time: write 60s, 5m or 1h")
    return float(int(number) * SECONDS[unit])
