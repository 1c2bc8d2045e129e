"""What names a person, and what opens their accounts, is sealed or indexed; secrets of sign-ins are hashes."""

from __future__ import annotations

import pytest

from gateway.db import tables_people
from gateway.db.metadata import metadata

assert tables_people


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("persons.name", "sealed"),
        ("persons.email", "sealed"),
        ("persons.subject", "sealed"),
        ("persons.subject_index", "index"),
        ("accounts.label", "sealed"),
        ("accounts.account", "sealed"),
        ("accounts.account_index", "index"),
        ("accounts.grant", "sealed"),
        ("connect_flows.flow", "sealed"),
        ("connect_flows.state", "hash"),
        ("sign_in_flows.state", "hash"),
        ("sign_in_flows.cookie", "hash"),
        ("sessions.secret", "hash"),
        ("client_codes.code", "hash"),
        ("client_tokens.token", "hash"),
    ],
)
def test_nothing_of_it_is_in_the_clear(name: str, form: str) -> None:
    table, column = name.split(".")
    assert metadata.tables[table].columns[column].info["held"].form == form
