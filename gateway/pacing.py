"""How fast accounts and schools may ask a provider: one bucket for each account, below one that its school shares.

A school's bucket is shared by turns among its people, and lives in this process as long as one of its drives does.
"""

from __future__ import annotations

from typing import Protocol
from weakref import WeakValueDictionary

from cache.vault import Scope
from providers.http import Bucket, Pace, Share


class Rates(Protocol):
    """Requests a second, and beyond that at once; what a provider answers with a pause is obeyed in any case."""

    @property
    def account_rate(self) -> float: ...
    @property
    def account_burst(self) -> float: ...
    @property
    def school_rate(self) -> float: ...
    @property
    def school_burst(self) -> float: ...


class Paces:
    """The buckets of one provider's accounts. There are never more of them than drives in memory."""

    def __init__(self, rates: Rates) -> None:
        self._rates = rates
        self._schools: WeakValueDictionary[str, Bucket] = WeakValueDictionary()

    def account(self, scope: Scope) -> Pace:
        """The pace of one more account of this person."""
        rates = self._rates
        school = self._schools.get(scope.tenant)
        if school is None:
            school = self._schools[scope.tenant] = Bucket(rates.school_rate, rates.school_burst)
        return Pace(rates.account_rate, rates.account_burst, parent=Share(school, scope.subject or ""))

    @property
    def schools(self) -> int:
        """How many schools have a bucket now."""
        return len(self._schools)
