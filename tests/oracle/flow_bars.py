"""Who may not be created or moved to as subscribed: by what the vendor showed at each run.

A bar is an address in an audience, and holds in every audience of the account. It is lifted by
being seen subscribed there again: no write of ours could have done that. What stands in an audience
that no flow is at work in need not be read: whether it bars, or lifts a bar, is open (`may_bar`).
"""

from tests.oracle.flow_world import OUT, Both


class Bars:
    """What is barred by now; `look` is called with the world each run begins with."""

    def __init__(self) -> None:
        self._why: dict[tuple[str, str], str] = {}
        self._seen: dict[str, tuple[str, str]] = {}
        self._unread: set[str] = set()
        self._lifted: set[tuple[str, str]] = set()  # where nobody need look
        self._erased: set[tuple[str, str]] = set()

    def erased(self, audience: str, email: str) -> None:
        """Somebody was erased at the vendor, which takes the address from no API any more."""
        self._erased.add((audience, email))

    def look(self, world: Both, audiences: set[str]) -> None:
        """`audiences` are those a run reads."""
        for gone in [i for i in self._seen if i not in world.members]:
            if self._seen[gone][0] in audiences:
                self._why[self._seen.pop(gone)] = "erased"
        for place in self._erased:
            if place[0] in audiences:
                self._why[place] = "erased"
        elsewhere = [m for m in world.members.values() if m.audience not in audiences]
        self._unread = {m.email for m in elsewhere if m.status in OUT}
        self._unread |= {email for audience, email in self._erased if audience not in audiences}
        self._lifted = {(m.audience, m.email) for m in elsewhere if m.status == "subscribed"}
        self._unread |= {email for place in self._lifted & self._why.keys() for email in place[1:]}
        for member in world.members.values():
            if member.audience not in audiences:
                continue
            place = (member.audience, member.email)
            if not member.id.startswith("new"):  # predicted only
                self._seen[member.id] = place
            if member.status in OUT:
                self._why[place] = member.status
            elif member.status == "subscribed":
                self._why.pop(place, None)
                self._erased.discard(place)

    def why(self, addresses: set[str]) -> str:
        """Why nobody with one of these addresses may be subscribed; empty when they may."""
        bars = {place: why for place, why in self._why.items() if place not in self._lifted}
        return next((why for (_, email), why in bars.items() if email in addresses), "")

    def may_bar(self, addresses: set[str]) -> bool:
        """Whether an audience that nobody reads says that they left."""
        return bool(self._unread & addresses)
