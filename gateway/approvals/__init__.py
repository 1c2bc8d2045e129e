"""What needs two administrators and a delay: asked for, approved, cancelled, and done once it is due."""

from gateway.approvals.approvals import Act, Approvals, subjects
from gateway.approvals.model import (
    OPEN,
    ApprovalError,
    NoSuchApproval,
    Request,
    SecondNeeded,
    State,
    Vote,
    WrongState,
)

__all__ = [
    "OPEN",
    "Act",
    "ApprovalError",
    "Approvals",
    "NoSuchApproval",
    "Request",
    "SecondNeeded",
    "State",
    "Vote",
    "WrongState",
    "subjects",
]
