"""What the deployment signs for others to check without it: receipts of being forgotten, checkpoints of the ledger."""

from gateway.signing.keys import DEPLOYMENT, YEAR, SigningKeys
from gateway.signing.signed import CHECKPOINT, EXPORT, RECEIPT, Kind, trusted, verify

__all__ = ["CHECKPOINT", "DEPLOYMENT", "EXPORT", "RECEIPT", "YEAR", "Kind", "SigningKeys", "trusted", "verify"]
