"""The one way out: every byte that leaves for, or comes from, another server passes here.

`Outbound` guards where a request may go and how long and large it may be; `AccountHttp` adds what belongs to one
connected account: its token, its pace, retries, and the translation of errors. Neither knows a vendor's wire form.
"""

from providers.http.account import AccountHttp, Tokens, Translate, decoded
from providers.http.body import PIECE, Reply, bounded, exactly, parsed, pieces
from providers.http.bucket import Bucket, Share
from providers.http.gate import is_background, work_in_background
from providers.http.outbound import Outbound
from providers.http.pace import Pace
from providers.http.patience import Patience, retry_after
from providers.http.turns import Turns

__all__ = [
    "PIECE",
    "AccountHttp",
    "Bucket",
    "Outbound",
    "Pace",
    "Patience",
    "Reply",
    "Share",
    "Tokens",
    "Translate",
    "Turns",
    "bounded",
    "decoded",
    "exactly",
    "is_background",
    "parsed",
    "pieces",
    "retry_after",
    "work_in_background",
]
