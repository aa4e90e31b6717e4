"""Who must not be subscribed: what the audiences tell of it, what state keeps, and what SQL sees.

left, bounced, archived    barred under every address, in every audience of the account
subscribed by itself       the bar is lifted
erased                     barred for good
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta

from pipelines.life import by_themselves
from pipelines.mailchimp_pipedrive.sweep import Sweep
from pipelines.mailchimp_pipedrive.tables import MEMBER
from pipelines.staged import of_rows
from state import consent, identity


def keep_opt_outs(sweep: Sweep) -> None:
    """Keep every opt-out that the audiences show, and lift those taken back by an own act.

    Nobody barred is ever created by a sync, so a barred address that is subscribed now subscribed
    by itself, unless a create or move of ours for it was in doubt, and came late. Then the bar
    stays, and the audit reports a breach; until that one is mended, however old the doubt is.
    """
    if sweep.lease is None:
        return
    account, key, home = sweep.engagement_account, sweep.consent_key, sweep.home
    keep_left(sweep)
    _keep(sweep, _left_elsewhere(sweep), "status in another audience")
    subscribed = [email for (email,) in sweep.db.execute(SUBSCRIBED).fetchall()]
    settled_by = sweep.read_at - timedelta(seconds=sweep.horizons[account])
    back = [
        one.address
        for one in consent.in_force(sweep.state, account, subscribed, key=key)
        if one.kind not in consent.FOR_GOOD and one.first_seen_at <= settled_by
    ]
    back = by_themselves(sweep, back, may_subscribe)
    if back:
        consent.lift(
            sweep.state, account, back, key=key, home=home, settled_by=settled_by,
            evidence="subscribed again",
        )  # fmt: skip


def may_subscribe(body: object) -> bool:
    """Whether a write to a member may have subscribed an address: who has an id already is only
    moved to another one, and a tag or a field changes no status.

    >>> may_subscribe({"member": None}), may_subscribe({"member": "e1", "sources": {"job": ""}})
    (True, False)
    """
    if not isinstance(body, dict):
        return True
    return body.get("member") is None or "email" in (body.get("sources") or {})


def keep_left(sweep: Sweep) -> None:
    """Keep every opt-out among the contacts that were read; none is lifted."""
    _keep(sweep, sweep.db.execute(LEFT).fetchall(), "status in the audience")


def _left_elsewhere(sweep: Sweep) -> list[tuple[str, consent.Kind]]:
    """Who left an audience that no flow is about, and how."""
    return sweep.db.execute(LEFT_ELSEWHERE).fetchall()


def keep_erased(sweep: Sweep) -> None:
    """Keep who was erased in Mailchimp: linked to an audience that answers, and unknown to it.

    Nobody can say any more what the contact had decided, so that it is barred for good, under
    every address it had until now. Its link ends: the person may be another member by now.
    """
    if sweep.lease is None:
        return
    is_erased: dict[str, bool] = {}
    for list_id, member_id, email in sweep.db.execute(MISSED).fetchall():
        place = f"{list_id}/{member_id}"
        if place not in is_erased:
            is_erased[place] = sweep.engagement.member(list_id, member_id) is None
        if is_erased[place]:
            bar(sweep, email, "erased", "erased in Mailchimp")
    gone = [place for place, is_gone in is_erased.items() if is_gone]
    identity.unlink(sweep.lease, sweep.engagement_account, MEMBER, gone)
    sweep.db.execute(UNLINKED, [gone])


def barred_by_now(sweep: Sweep, addresses: Sequence[str]) -> Collection[str]:
    """Who of these is barred at this moment: the plan was made some time ago."""
    account, key = sweep.engagement_account, sweep.consent_key
    return {one.address for one in consent.in_force(sweep.state, account, addresses, key=key)}


def bar(sweep: Sweep, email: str, kind: consent.Kind, said: str) -> None:
    """Keep an opt-out that only a refusal told of."""
    _keep(sweep, [(email, kind)], said)


def _keep(sweep: Sweep, left: Iterable[tuple[str, consent.Kind]], said: str) -> None:
    seen = [consent.Seen(email, kind, said) for email, kind in left]
    consent.record(
        sweep.state, sweep.engagement_account, seen, key=sweep.consent_key, home=sweep.home
    )


def write_consent(sweep: Sweep) -> None:
    """Make staging.syncline__consent: opt-outs are kept as keyed hashes, so each address that
    matters now is hashed and looked up."""
    rows: set[tuple[str, str]] = set()
    if consent.read(sweep.state, sweep.engagement_account).num_rows:
        addresses = sweep.db.execute(
            "SELECT DISTINCT email FROM staging.pipedrive__person_emails WHERE email IS NOT NULL "
            "UNION SELECT DISTINCT email FROM staging.syncline__addresses"
        ).fetchall()
        barred = consent.in_force(
            sweep.state, sweep.engagement_account, [e for (e,) in addresses], key=sweep.consent_key
        )
        rows |= {(entry.address, entry.kind) for entry in barred}
    if sweep.lease is None:  # a plan keeps nobody: who left elsewhere would be kept by the run
        rows |= set(_left_elsewhere(sweep))
    of_rows(sweep.db, "consent", "email VARCHAR, kind VARCHAR", sorted(rows))


GONE = "('unsubscribed', 'cleaned', 'archived')"  # statuses of who left
KIND = """CASE {status}
    WHEN 'cleaned' THEN 'bounced' WHEN 'archived' THEN 'removed' ELSE 'unsubscribed'
END"""
LEFT = f"""
SELECT email, {KIND.format(status="status")} FROM staging.mailchimp__members WHERE status IN {GONE}
"""
LEFT_ELSEWHERE = f"""
SELECT lower(body ->> '$.email_address'), {KIND.format(status="body ->> '$.status'")}
FROM raw.mailchimp__left_elsewhere
"""
# Subscribed somewhere in the account, and nowhere left.
SUBSCRIBED = f"""
SELECT m.email
FROM staging.mailchimp__members AS m
ANTI JOIN raw.mailchimp__left_elsewhere AS e ON lower(e.body ->> '$.email_address') = m.email
GROUP BY m.email
HAVING bool_or(m.status = 'subscribed')
    AND NOT bool_or(m.status IN {GONE})
"""
UNLINKED = """
DELETE FROM staging.syncline__member_links
WHERE list_id_mailchimp || '/' || member_id_mailchimp IN (SELECT unnest(?::VARCHAR[]))
"""
# Whom the audience once had, by every address of the contact that is not barred for it already.
MISSED = f"""
SELECT l.list_id_mailchimp, l.member_id_mailchimp, a.email
FROM staging.syncline__member_links AS l
INNER JOIN staging.syncline__addresses AS a ON a.contact_id = l.contact_id
ANTI JOIN staging.mailchimp__members AS m
    ON m.list_id_mailchimp = l.list_id_mailchimp AND m.member_id_mailchimp = l.member_id_mailchimp
ANTI JOIN staging.syncline__consent AS k ON k.email = a.email AND k.kind IN {consent.FOR_GOOD}
ORDER BY ALL
"""
