"""How fast accounts and schools may ask a provider: one bucket for each account, below one that its school shares.

A school's bucket is shared by turns among its people, and lives in this process as long as one of its drives does.
"""

from __future__ import annotations

from typing import Protocol
from weakref import WeakValueDictionary

from cache.vault import Scope
from providers.http import Bucket, Pace, Share


class Rates(Protocol):
    """Requests a second, beyond that at once, and as many a second as are tried while the provider does not object.

    A provider that asks for a pause is obeyed in any case.
    """

    @property
    def account_rate(self) -> float: ...
    @property
    def account_burst(self) -> float: ...
    @property
    def account_peak(self) -> float: ...
    @property
    def school_rate(self) -> float: ...
    @property
    def school_burst(self) -> float: ...
    @property
    def school_peak(self) -> float: ...


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
            school = self._schools[scope.tenant] = Bucket(rates.school_rate, rates.school_burst, peak=rates.school_peak)
        share = Share(school, scope.subject or "")
        return Pace(rates.account_rate, rates.account_burst, peak=rates.account_peak, parent=share)

    @property
    def schools(self) -> int:
        """How many schools have a bucket now."""
        return len(self._schools)
