"""The native drive is a drive, on both databases."""

from __future__ import annotations

import pytest

from tests.providers.native.suite import NativeSuite


@pytest.mark.both
class TestNativeDrive(NativeSuite):
    """Blobs in a folder."""
