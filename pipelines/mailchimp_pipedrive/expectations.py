"""What must hold of each stage's tables before the next may build on them."""

from pipelines.checks import Expected, among, filled, unique

STAGING = (
    unique("staging.pipedrive__persons", "person_id_pipedrive"),
    filled("staging.pipedrive__persons", "person_id_pipedrive"),
    unique("staging.mailchimp__members", "list_id_mailchimp", "member_id_mailchimp"),
    filled("staging.mailchimp__members", "email"),
    among(
        "staging.mailchimp__members", "status",
        ("subscribed", "unsubscribed", "cleaned", "pending", "transactional", "archived"),
    ),
)  # fmt: skip
RESOLVE = (
    unique("resolve.pairs", "list_id_mailchimp", "contact_id"),
    filled("resolve.pairs", "contact_id"),
    unique("resolve.wanted", "flow_id", "contact_id"),
    unique("resolve.changes", "flow_id", "contact_id", "field_code"),
)
PLAN = (
    unique("plan.members", "write_key"),
    unique("plan.persons", "write_key"),
    unique("plan.tags", "write_key"),
    Expected(
        "plan.members", "a new contact has an address and no record in the audience",
        "action = 'create' AND (coalesce(email, '') = '' OR member_id_mailchimp IS NOT NULL)",
    ),
    Expected(
        "plan.members", "who is written is known by id",
        "action IN ('update', 'move') AND member_id_mailchimp IS NULL",
    ),
    Expected(
        "plan.persons", "a new person has a name and an address",
        "action = 'create' AND (coalesce(name, '') = '' OR coalesce(shown_email, '') = '')",
    ),
)  # fmt: skip
