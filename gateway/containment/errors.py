"""What can be wrong with a suspension, and what whoever meets one is told.

    ContainmentError
    ├── NoSuchTarget        the school has no such person, connection, sign-in or key
    ├── NoSuchContainment   the school has no such suspension
    ├── Already             it is suspended already, or lifted already
    └── OwnAccess           an administrator would lock themselves out

`Contained` is a drive's refusal: its account may not be used now, which passes when the suspension is lifted.
"""

from __future__ import annotations

from typing import ClassVar

from providers.errors import DriveError


class ContainmentError(Exception):
    """The root. ``code`` is stable."""

    code: ClassVar[str] = "containment"
    advice: ClassVar[str] = "Load the list of suspensions again."


class NoSuchTarget(ContainmentError):
    code = "no_such_target"
    advice = "Your school has nothing of this id that could be suspended. Look the id up again."


class NoSuchContainment(ContainmentError):
    code = "not_found"


class Already(ContainmentError):
    code = "already"
    advice = "This was done already. Load the list of suspensions again."


class OwnAccess(ContainmentError):
    code = "own_access"
    advice = "You cannot suspend your own access. Ask another administrator, or suspend the whole school."


class Contained(DriveError):
    code = "contained"
    retryable = True
    advice = "This account is suspended while something is looked into. Ask your school's administrator."
