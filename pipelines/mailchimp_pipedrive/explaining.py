"""What stands behind a deed of this sync, for `explain`: its cause names the contact it came of."""

from pipelines.doors import Explaining

# Nothing that happens once is counted here, so no happenings stand behind a deed.
EVENTS = """
SELECT
    NULL AS campaign, NULL AS kind, NULL AS link, 0 AS times, NULL::TIMESTAMPTZ AS first_seen_at,
    '' AS title
WHERE list_contains(?, '') AND ? < 0
"""
TITLE = "SELECT '' WHERE ? IS NULL"


def _nobody(_key: bytes, _address: str) -> str:
    """Everybody a flow brings is a contact from the beginning."""
    return ""


# Who was left out is no contact, perhaps, and is known by the address alone.
MEMBERS = """
SELECT list_id_mailchimp || '/' || member_id_mailchimp
FROM staging.mailchimp__members
WHERE email = lower(?)
"""
EXPLAINING = Explaining(EVENTS, TITLE, newcomers=(), newcomer_of=_nobody, members=MEMBERS)
