"""Where Pipedrive's published contract is wrong about null, and what its bodies lack.

Every line was seen in public reports or in the vendor's own examples; nothing else is forgiven.
"""

# Members that are null in practice although the contract does not say so, by first path segment.
NULL_IN_PRACTICE: dict[str, frozenset[str]] = {
    "persons": frozenset(
        {"last_name", "org_id", "picture_id", "postal_address", "notes", "birthday", "job_title",
         "organization"}
    ),
    "organizations": frozenset({"address"}),
    "deals": frozenset({"won_time", "lost_time", "expected_close_date", "org_id", "person_id", "stage_change_time"}),
    "activities": frozenset(
        {"deal_id", "lead_id", "person_id", "org_id", "project_id", "due_date", "due_time",
         "duration", "marked_as_done_time", "location", "conference_meeting_client",
         "conference_meeting_url", "conference_meeting_id", "public_description", "priority",
         "note"}
    ),
    "notes": frozenset(
        {"deal", "deal_id", "person", "person_id", "organization", "org_id", "lead_id",
         "project_id", "project", "task_id", "task", "last_update_user_id", "icon_url"}
    ),
    "personFields": frozenset({"options", "subfields"}),
    "organizationFields": frozenset({"options", "subfields"}),
    "dealFields": frozenset({"options", "subfields"}),
    "activityFields": frozenset({"options", "subfields"}),
}  # fmt: skip
# Parts of an address that is only partly known.
NULL_EVERYWHERE = frozenset(
    {"next_cursor", "country", "admin_area_level_1", "admin_area_level_2", "locality",
     "sublocality", "route", "street_number", "subpremise", "postal_code"}
)  # fmt: skip

# Members the guides document for v2 bodies and the contract forgot.
TAKEN_ANYWAY: dict[str, frozenset[str]] = {"persons": frozenset({"first_name", "last_name"})}
# Members the contract lists for v2 bodies and the guides call read-only.
REFUSED_ANYWAY: dict[str, frozenset[str]] = {"activities": frozenset({"person_id"})}
