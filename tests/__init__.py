"""Tests, and what they share. Whatever a test's process logs is short.

Where `rich` is installed structlog draws what went wrong with every local variable, which on a busy machine stops the
event loop for half a minute: longer than databases and leases wait.
"""

import structlog

structlog.configure(
    processors=[
        structlog.processors.add_log_level,
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)
