"""The one way a Mailigen call fails: a body of `error` and `code`.

Only 104 is confirmed, by a capture of 2017. The other numbers are those of MailChimp's API 1.3,
whose family this API belongs to; nobody outside the vendor has published Mailigen's own list. The
assumption `error_codes` replaces them, so that nothing of ours can lean on a number.
"""

CODES = {
    "unknown_method": -32601,
    "invalid_parameter": -32602,
    "unknown_version": -32601,
    "invalid_key": 104,
    "role_forbids": 109,
    "subscribers_limit": 120,
    "emails_limit": 122,
    "list_unknown": 200,
    "list_option": 211,
    "unsubscribed_member": 212,
    "bounced_member": 213,
    "already_subscribed": 214,
    "not_subscribed": 215,
    "batch_too_large": 220,
    "suppressed": 231,
    "email_unknown": 232,
    "merge_required": 250,
    "merge_email_stays": 251,
    "merge_unknown": 252,
    "merge_invalid": 254,
    "campaign_unknown": 300,
    "stats_missing": 301,
    "campaign_content": 311,
    "campaign_option": 312,
    "campaign_status": 313,
    "segment_unknown": 315,
    "time_invalid": 500,
    "email_invalid": 502,
    "option_invalid": 506,
    "webhook_unknown": 507,
    "url_invalid": 508,
}


class MailigenError(Exception):
    """The vendor says no. `reason` is a key of `CODES`; the text is what the caller reads."""

    def __init__(self, reason: str, text: str) -> None:
        self.reason, self.text = reason, text
        super().__init__(text)
