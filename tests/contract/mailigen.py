"""Mailigen has no contract file: what is documented of its methods, to hold exchanges against.

Methods, parameters and members of answers as the vendor's own client class names them and
captured answers show them (connectors/mailigen/README.md says what that is worth).
"""

from collections import Counter
from typing import Any

from sandbox.mailigen.calls import CALLS, LEFT_OUT
from tests.contract.exchange import Exchange

PAGED = "start limit"
OPTIONAL_PARAMETERS = {
    "ping": "",
    "getAccountDetails": "",
    "apikeys": "username password expired",
    "lists": PAGED,
    "listCreate": "title options",
    "listUpdate": "id name value",
    "listDelete": "id",
    "listGrowthHistory": f"id split_by start_date end_date {PAGED}",
    "listsForEmail": "email_address",
    "listMergeVars": "id",
    "listMergeVarAdd": "id tag name options",
    "listMergeVarUpdate": "id tag options",
    "listMergeVarDel": "id tag",
    "listSubscribe": "id email_address merge_vars email_type double_optin update_existing "
    "send_welcome",
    "listUpdateMember": "id email_address merge_vars email_type",
    "listUnsubscribe": "id email_address delete_member send_goodbye send_notify",
    "listBatchSubscribe": "id batch double_optin update_existing",
    "listBatchUnsubscribe": "id emails delete_member send_goodbye send_notify",
    "listMembers": f"id status {PAGED}",
    "listMembersByMerge": f"id merge_var merge_value status {PAGED}",
    "listMemberInfo": "id email_address",
    "listMemberDelete": "id email_address",
    "listSegments": "list",
    "listSegmentCreate": "list title match filter auto_update",
    "listSegmentUpdate": "sid name value",
    "listSegmentDelete": "sid",
    "listSegmentMembers": f"sid status {PAGED}",
    "campaigns": f"filters {PAGED}",
    "campaignCreate": "type options content type_opts",
    "campaignUpdate": "cid name value",
    "campaignDelete": "cid",
    "campaignSchedule": "cid schedule_time",
    "campaignUnschedule": "cid",
    "campaignSendNow": "cid",
    "campaignPause": "cid",
    "campaignResume": "cid",
    "campaignStats": "cid",
    "campaignClickStats": "cid",
    "campaignClickStatsDetails": f"cid filters {PAGED}",
    "webhooks": PAGED,  # not documented, and sent: a list that is cut would hide a webhook
    "webhookCreate": "title options",
    "webhookUpdate": "wid name value",
    "webhookDelete": "wid",
    "webhookReplicate": "wid",
}
BY_CAMPAIGN = (
    "Opened", "NotOpened", "HardBounces", "SoftBounces", "BlockedBounces", "TemporaryBounces",
    "GenericBounces", "Unsubscribes", "ForwardStats", "BounceMessages",
)  # fmt: skip
PARAMETERS = {name: set(told.split()) for name, told in OPTIONAL_PARAMETERS.items()} | {
    f"campaign{name}": {"cid", *PAGED.split()} for name in BY_CAMPAIGN
}
# Members that every record of an answer has.
RECORDS = {
    "lists": "id web_id name date_created member_count unsubscribe_count",
    "listMergeVars": "name req field_type show order default tag",
    "listMembers": "email timestamp",
    "listMemberInfo": "id email email_type merges status timestamp",
    "listSegmentMembers": "email id list timestamp",
    "listBatchSubscribe": "success_count error_count errors",
    "listBatchUnsubscribe": "success_count error_count errors",
    "campaigns": "id web_id title type create_time send_time emails_sent status subject",
    "campaignStats": "hard_bounces soft_bounces unsubscribes opens unique_opens clicks emails_sent",
    "campaignClickStatsDetails": "email link date",
    "campaignOpened": "total data",
    "campaignNotOpened": "total data",
    "campaignBounceMessages": "date email message",
    "webhooks": "id title last_event total_events",
}


class Documented:
    """Requests by their parameters, ours only; answers by status, refusal and members."""

    name = "mailigen"

    def __init__(self) -> None:
        self.used: Counter[str] = Counter()

    def why_absent(self) -> str:
        return ""

    def operations(self) -> list[str]:
        return sorted(PARAMETERS.keys() | LEFT_OUT | CALLS.keys())

    def implemented(self) -> set[str]:
        return set(CALLS)

    def corrections(self) -> list[str]:
        return []

    def operation_of(self, exchange: Exchange) -> str | None:
        asked = dict(exchange.query).get("method", "")
        return asked if asked in self.operations() else None

    def hold(self, exchange: Exchange) -> list[str]:
        method = dict(exchange.query).get("method", "")
        if exchange.status >= 500:
            return [f"{exchange.name}: the sandbox failed"]
        found = []
        if exchange.is_ours:
            found += _about_request(method, exchange)
        if exchange.status == 200 and exchange.answer and "json" in exchange.answer:
            found += _about_answer(method, exchange.answer["json"])
        return [f"{exchange.name} {method}: {wrong}" for wrong in found]


def _about_request(method: str, exchange: Exchange) -> list[str]:
    if method not in PARAMETERS:
        return ["the method's parameters are not documented"]
    request = exchange.request or {}
    if exchange.method != "POST" or "form" not in request:
        return ["a call is a form, sent with POST"]
    sent = {name.partition("[")[0] for name, _ in request["form"]}
    found = [f"parameter {n} is unknown" for n in sorted(sent - PARAMETERS[method] - {"apikey"})]
    unknown = {name for name, _ in exchange.query} - {"method", "output"}
    return found + [f"{name} stands in the address" for name in sorted(unknown)]


def _about_answer(method: str, answer: Any) -> list[str]:
    if isinstance(answer, dict) and "error" in answer:
        fits = isinstance(answer["error"], str) and isinstance(answer.get("code"), int)
        return [] if fits else ["a refusal is a text and a number"]
    wanted = set(RECORDS.get(method, "").split())
    records = answer if isinstance(answer, list) else [answer]
    return sorted(
        {
            f"the answer lacks {sorted(wanted - record.keys())}"
            for record in records
            if wanted and isinstance(record, dict) and wanted - record.keys()
        }
    )


MAILIGEN = Documented()
