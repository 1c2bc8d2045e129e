"""What an opened file is sent with: nothing that came from elsewhere may run, hide its kind or stay in a browser."""

from __future__ import annotations

import pytest

from gateway.api.headers import disposition, for_file, shown_type


@pytest.mark.parametrize(
    "kind", ["text/html", "image/svg+xml", "application/xhtml+xml", "text/xml", "text/javascript", ""]
)
def test_active_kinds_are_downloads(kind: str) -> None:
    """A page or a picture that can run script is never shown in place, and never named as such."""
    sent = for_file("x", kind, download=False)
    assert sent["Content-Type"] == "application/octet-stream"
    assert sent["Content-Disposition"].startswith("attachment;")


def test_every_file_is_boxed_in() -> None:
    """nosniff, sandbox, no-store on whatever is opened."""
    sent = for_file("a.pdf", "application/pdf", download=False)
    assert sent["X-Content-Type-Options"] == "nosniff"
    assert sent["Content-Security-Policy"].startswith("sandbox;")
    assert "allow-scripts" not in sent["Content-Security-Policy"]
    assert sent["Cache-Control"] == "no-store"
    assert sent["Content-Disposition"].startswith("inline;")
    assert for_file("a.pdf", "application/pdf", download=True)["Content-Disposition"].startswith("attachment;")


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ('a"; filename="evil.exe', "a__ filename=_evil.exe"),
        ("Größe.txt", "Gr__e.txt"),
        ("line\r\nX-Header: 1", "lineX-Header: 1"),
        ("../../etc/passwd", "....etcpasswd"),
        ("\u202egpj.exe", "gpj.exe"),
        ("\u0000\u0007", "file"),
    ],
)
def test_names_cannot_break_out(name: str, plain: str) -> None:
    """Quotes, line ends, paths and direction tricks are gone; the real name is percent-encoded."""
    value = disposition(name, "application/pdf", download=True)
    assert f'filename="{plain}"' in value
    assert "\r" not in value
    assert "\n" not in value
    assert "\u202e" not in value
    assert "filename*=UTF-8''" in value


def test_text_is_utf8_and_never_html() -> None:
    """The declared parameters of a foreign type are dropped."""
    assert shown_type("text/plain; charset=utf-7") == "text/plain; charset=utf-8"
    assert shown_type("IMAGE/PNG") == "image/png"
