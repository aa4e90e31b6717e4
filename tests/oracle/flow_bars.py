"""Who may not be created or moved to as subscribed: by what the vendor showed at each run.

A bar is an address in an audience, and holds in every audience of the account. It is lifted by
being seen subscribed there again: no write of ours could have done that.
"""

from tests.oracle.flow_world import OUT, Both


class Bars:
    """What is barred by now; `look` is called with the world each run begins with."""

    def __init__(self) -> None:
        self._why: dict[tuple[str, str], str] = {}
        self._seen: dict[str, tuple[str, str]] = {}

    def look(self, world: Both) -> None:
        for gone in set(self._seen) - set(world.members):
            self._why[self._seen.pop(gone)] = "erased"
        for member in world.members.values():
            place = (member.audience, member.email)
            self._seen[member.id] = place
            if member.status in OUT:
                self._why[place] = member.status
            elif member.status == "subscribed":
                self._why.pop(place, None)

    def rename(self, old: str, new: str) -> None:
        """A member that was predicted has its id by now."""
        if old in self._seen:
            self._seen[new] = self._seen.pop(old)

    def why(self, addresses: set[str]) -> str:
        """Why nobody with one of these addresses may be subscribed; empty when they may."""
        return next((why for (_, email), why in self._why.items() if email in addresses), "")

    def places(self) -> set[tuple[str, str]]:
        """Audience and address of each bar."""
        return set(self._why)
