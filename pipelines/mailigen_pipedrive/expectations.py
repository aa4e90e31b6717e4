"""What must hold of each stage's tables before the next may build on them."""

from pipelines.checks import Expected, among, filled, unique

STAGING = (
    unique("staging.pipedrive__persons", "person_id_pipedrive"),
    filled("staging.pipedrive__persons", "person_id_pipedrive"),
    unique("staging.mailigen__members", "email"),
    among(
        "staging.mailigen__members", "status",
        ("subscribed", "unsubscribed", "inactive", "bounced"),
    ),
    unique("staging.mailigen__campaigns", "campaign_id_mailigen"),
    Expected(
        "staging.mailigen__engagement", "times is at least one", "times < 1 OR times IS NULL"
    ),
    unique("staging.mailigen__engagement", "campaign_id_mailigen", "email", "kind", "link"),
)  # fmt: skip
RESOLVE = (
    unique("resolve.winners", "email"),
    unique("resolve.winners", "person_id_pipedrive"),
    unique("resolve.identity", "contact_id"),
    filled("resolve.identity", "contact_id"),
    unique("resolve.contacts", "contact_id"),
    unique("resolve.holdings", "contact_id", "email", "from_sweep"),
)
PLAN = (
    unique("plan.members", "contact_id"),
    filled("plan.members", "reason"),
    Expected(
        "plan.members", "source names Pipedrive or nothing",
        "NOT regexp_full_match(after ->> '$.merges.SOURCE', '(Pipedrive(\\|.+)?)?')",
    ),
    filled("plan.activities", "person_id_pipedrive"),
    filled("plan.deals", "stage_id_pipedrive"),
    filled("plan.deals", "person_id_pipedrive"),
    filled("plan.notes", "person_id_pipedrive"),
    unique("plan.persons", "email"),
    filled("plan.persons", "write_key"),
    among("plan.persons", "action", ("create", "link", "skip")),
    Expected(
        "plan.persons", "a new person has a name and an owner",
        "action = 'create' AND (coalesce(name, '') = '' OR owner_id_pipedrive IS NULL)",
    ),
)  # fmt: skip
