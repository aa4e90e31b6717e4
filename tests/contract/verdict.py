"""Everything recorded in a folder, held against the contracts; and the page that says so."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sandbox.exchanges import Seen
from tests.contract.exchange import Contract, Exchange, read_exchanges
from tests.contract.mailchimp import MAILCHIMP
from tests.contract.mailigen import MAILIGEN
from tests.contract.pipedrive import PIPEDRIVE

CONTRACTS: dict[str, Contract] = {
    "pipedrive": PIPEDRIVE,
    "mailigen": MAILIGEN,
    "mailchimp": MAILCHIMP,
}
CALLERS = ("connectors", "other clients", "tests")


class Verdict(NamedTuple):
    """`called`: vendor -> operation -> who called it."""

    complaints: list[str]
    called: dict[str, dict[str, set[str]]]
    held: Counter[str]
    absent: list[str]


def judge(folder: Path) -> Verdict:
    """Hold every distinct exchange; absent contract files are named and held against nothing."""
    absent = [why for contract in CONTRACTS.values() if (why := contract.why_absent())]
    verdict = Verdict([], defaultdict(lambda: defaultdict(set)), Counter(), absent)
    for exchange in distinct(read_exchanges(folder)):
        contract = CONTRACTS[exchange.vendor]
        if contract.why_absent():
            continue
        operation = contract.operation_of(exchange)
        if operation and exchange.status in range(1, 400):
            verdict.called[exchange.vendor][operation].add(exchange.caller)
        verdict.held[exchange.vendor] += 1
        verdict.complaints.extend(contract.hold(exchange))
    verdict.complaints[:] = sorted(set(verdict.complaints))
    return verdict


def distinct(exchanges: Iterator[Exchange]) -> Iterator[Exchange]:
    """Without those that show nothing the others have not; every process recorded for itself."""
    seen: dict[tuple[str | None, ...], Seen] = defaultdict(Seen)
    for exchange in exchanges:
        operation = CONTRACTS[exchange.vendor].operation_of(exchange)
        place = seen[exchange.caller, exchange.vendor, operation, str(exchange.status)]
        if place.is_new([dict(exchange.query), exchange.request, exchange.answer]):
            yield exchange


def unneeded() -> list[str]:
    """Corrections that no exchange needed since this process began."""
    return [
        f"{contract.name}: {row}"
        for contract in CONTRACTS.values()
        if not contract.why_absent()
        for row in contract.corrections()
        if row not in contract.used and not row.startswith("refused")
    ]


def page(verdict: Verdict) -> str:
    """Which operations were called and by whom; the same whenever the same tests ran."""
    lines = [*HEAD]
    for vendor, contract in CONTRACTS.items():
        if not contract.why_absent():
            lines += _section(contract, verdict.called[vendor])
    return "\n".join(lines) + "\n"


HEAD = (
    "# What of the vendors' contracts is exercised",
    "",
    "Written by `python -m tests.contract FOLDER --page docs/coverage.md` from the exchanges of a whole `make test`.",
    "Every request of the connectors and every answer of the sandbox among them was held against the contract;",
    "Mailigen publishes none, its exchanges are held against the parameters and members that are documented.",
    "An operation counts as called when a call was answered well.",
)  # fmt: skip


def _section(contract: Contract, called: dict[str, set[str]]) -> Iterator[str]:
    operations, implemented = contract.operations(), contract.implemented()
    by = {caller: sum(caller in called[op] for op in operations) for caller in CALLERS}
    yield from ("", f"## {contract.name}", "")
    yield from ("| operations | |", "|---|---|", f"| in the contract | {len(operations)} |")
    yield f"| the sandbox answers | {len(implemented)} |"
    yield f"| called by the connectors | {by['connectors']} |"
    yield f"| called by other clients | {by['other clients']} |"
    yield f"| called by anybody | {sum(bool(called[op]) for op in operations)} |"
    yield from (
        "",
        "| answered by the sandbox | " + " | ".join(CALLERS) + " |",
        "|---|" + "---|" * 3,
    )
    for operation in sorted(implemented):
        marks = ("x" if caller in called[operation] else "" for caller in CALLERS)
        yield f"| `{operation}` | {' | '.join(marks)} |"
    never = sorted(set(implemented) - {op for op in operations if called[op]})
    yield from ("", f"Answered and never called: {', '.join(never) or 'none'}.")
