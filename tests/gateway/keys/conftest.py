"""The databases for this room's tests."""

from __future__ import annotations

from tests.databases import database, database_url, pytest_generate_tests, schema

__all__ = ["database", "database_url", "pytest_generate_tests", "schema"]
