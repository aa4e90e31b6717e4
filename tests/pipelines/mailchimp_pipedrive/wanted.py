"""Definitions of flows to begin from: one out of Pipedrive, one into it."""

from typing import Any

from pipelines.mailchimp_pipedrive.config import Definition

CONSENT = {"confirmed_by": "ann@acme.example", "on": "2026-11-01"}
OUT = {"trigger": {"filters": ["Customers EU"]}, "consent": CONSENT}
INTO = {"trigger": {"segments": ["VIP"], "tags": ["lead"]}}


def definition(*flows: dict[str, Any], **more: Any) -> Definition:
    return Definition.model_validate({
        "kind": "mailchimp_pipedrive", "name": "acme", "schedule": {"every": "15m"},
        "connections": {"crm": "acme-pipedrive", "engagement": "acme-mailchimp"},
        "flows": [{"id": f"flow-{n}", "audience": "Newsletter", **one}
                  for n, one in enumerate(flows)],
    } | more)  # fmt: skip
