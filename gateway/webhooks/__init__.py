"""Tells a school, at an address of its own and signed, that a long job has ended: durably, and into no private network.

The wire is that of Standard Webhooks. It knows no job and no drive: whoever ends something leaves a message here.
"""

from gateway.webhooks.addresses import AddressRefused, check
from gateway.webhooks.deliveries import Deliveries
from gateway.webhooks.sending import FAILURES, Sender, Sent
from gateway.webhooks.service import Change, NoWebhook, Wanted, Webhooks, WebhookView

__all__ = [
    "FAILURES",
    "AddressRefused",
    "Change",
    "Deliveries",
    "NoWebhook",
    "Sender",
    "Sent",
    "Wanted",
    "WebhookView",
    "Webhooks",
    "check",
]
