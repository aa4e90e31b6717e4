"""What a preview tells: whom one bot or flow selects now, and what would become of each."""

from dataclasses import dataclass
from typing import Any

from pipelines.report import Finding


@dataclass(frozen=True)
class Preview:
    """`rows` has at most `shown` persons; names and addresses are for the user's eyes only."""

    sync: str
    bot: str
    selected: int
    becomes: dict[str, int]  # what would become of the selected -> persons
    deeds: dict[str, int]  # activities, deals and notes the bot would make
    rows: list[dict[str, Any]]
    findings: list[Finding]
