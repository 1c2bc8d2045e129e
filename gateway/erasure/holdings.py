"""The stores of this deployment in the order in which they end, each in words for the person it is about."""

from __future__ import annotations

from typing import Final

from sqlalchemy import exists

from gateway.db.tables_approvals import approval_subjects, approval_votes, approvals
from gateway.db.tables_containment import containments
from gateway.db.tables_files import cached_files, idempotency, uploads
from gateway.db.tables_holds import hold_words, holds
from gateway.db.tables_incidents import incident_detections, incidents
from gateway.db.tables_lawful import lawful_requests
from gateway.db.tables_ledger import ledger_checkpoints, ledger_entries
from gateway.db.tables_people import accounts, client_grants, connect_flows, guardian_links, sessions
from gateway.db.tables_rights import corrections, exports, inactivity, notice_states, notifications
from gateway.db.tables_schools import school_settings
from gateway.db.tables_webhooks import webhook_messages, webhooks
from gateway.db.tables_work import items, jobs, lanes
from gateway.erasure.stores import Rows, Store
from providers.native import tables as native

_UNDER_WAY: Final = ~exists().where(jobs.c.id == uploads.c.job, jobs.c.ended.is_not(None))
"""An upload that has arrived in its drive is only remembered for a day, so that its state can be asked."""

STORES: Final = (
    Store(
        "cached",
        "Copies of files you opened",
        [Rows(cached_files, cached_files.c.person, cached_files.c.size)],
    ),
    Store(
        "uploads",
        "Files on their way to a drive",
        [Rows(uploads, uploads.c.person, uploads.c.offset, _UNDER_WAY)],
    ),
    Store(
        "native",
        "Files and folders in your own drive",
        [
            Rows(native.nodes, native.nodes.c.subject, seen=native.nodes.c.parent.is_not(None)),  # not the top folder
            Rows(native.versions, native.versions.c.subject, native.versions.c.size),
            Rows(native.parts, native.parts.c.subject),
            Rows(native.uploads, native.uploads.c.subject),
            Rows(native.gone, native.gone.c.subject),
            Rows(native.owners, native.owners.c.subject),
        ],
    ),
    Store(
        "jobs",
        "Your moves and copies, with their reports",
        [
            Rows(jobs, jobs.c.person),
            Rows(items, items.c.person),
            Rows(lanes, lanes.c.person),
            Rows(webhook_messages, webhook_messages.c.person),  # that one of them ended, on its way to the school
        ],
    ),
    Store(
        "connections",
        "Accounts you connected",
        [Rows(accounts, accounts.c.person), Rows(connect_flows, connect_flows.c.person)],
    ),
    Store(
        "suspensions",
        "That your access was suspended, and why",
        [Rows(containments, containments.c.person)],
    ),
    Store("sign_ins", "Places where you are signed in", [Rows(sessions, sessions.c.person)]),
    Store(
        "extensions",
        "Browser extensions signed in as you",
        [Rows(client_grants, client_grants.c.person)],
    ),
    Store(
        "guardians",
        "Links to your guardians",
        [Rows(guardian_links, guardian_links.c.person), Rows(guardian_links, guardian_links.c.guardian)],
    ),
    Store(
        "approvals",
        "Requests of your school that are about you, or that you approved",
        [Rows(approval_subjects, approval_subjects.c.person), Rows(approval_votes, approval_votes.c.person)],
    ),
    Store(
        "holds",
        "Legal holds on your files",
        [Rows(hold_words, hold_words.c.person)],
    ),
    Store(
        "requests",
        "What you asked for about your data, and what you were told",
        [
            Rows(corrections, corrections.c.person),
            Rows(exports, exports.c.person),
            Rows(notifications, notifications.c.person),
            Rows(inactivity, inactivity.c.person),
        ],
    ),
    Store(
        "answers",
        "Answers kept so that a repeated request does nothing twice",
        [Rows(idempotency, idempotency.c.person)],
    ),
)
"""What is a person's."""

SCHOOL_STORES: Final = (
    *STORES,
    Store("settings", "The school's settings", [Rows(school_settings, None)]),
    Store("webhook", "The address where the school is told of ended jobs", [Rows(webhooks, None)]),
    Store("decisions", "Requests that needed two administrators", [Rows(approvals, None)]),
    Store("notices", "Which notices the school accepted", [Rows(notice_states, None)]),
    Store(
        "incidents",
        "The school's incident book",
        [Rows(incidents, None), Rows(incident_detections, None)],  # acts and the affected go with their incidents
    ),
    Store(
        "legal_holds",
        "Legal holds, all of them released",
        [Rows(holds, None), Rows(native.kept, None), Rows(native.kept_parts, None)],
    ),
    Store("lawful", "What the law made the school hand out", [Rows(lawful_requests, None)]),
    Store("ledger", "The record of what was done", [Rows(ledger_entries, None), Rows(ledger_checkpoints, None)]),
)
"""What is a school's, with what is its people's. The ledger goes last: all that was done before stands in it."""
