"""What needs two administrators and a delay: asked for, approved, cancelled, and done once it is due."""

from gateway.approvals.approvals import Act, Approvals
from gateway.approvals.model import ApprovalError, NoSuchApproval, Request, SecondNeeded, State, Vote, WrongState

__all__ = [
    "Act",
    "ApprovalError",
    "Approvals",
    "NoSuchApproval",
    "Request",
    "SecondNeeded",
    "State",
    "Vote",
    "WrongState",
]
