"""The parts of README.md that are read off the code, so that they cannot drift from it."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from providers.drive import Traits  # noqa: E402  # the project is importable only from here on

DRIVES = {"Google Drive": "providers.google", "OneDrive": "providers.onedrive", "native": "providers.native"}


def size(count: int | None) -> str:
    """Bytes for people."""
    if count is None:
        return "whole file"
    for unit, factor in (("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= factor:
            return f"{count / factor:.4g} {unit}"
    return f"{count} B"


def drives() -> str:
    """The table of what each drive supports."""
    traits = {name: importlib.import_module(module).TRAITS for name, module in DRIVES.items()}
    rows: dict[str, Callable[[Traits], str]] = {
        "largest file": lambda t: size(t.max_size),
        "verified by": lambda t: t.hash,
        "upload pieces": lambda t: size(t.max_piece),
        "size known before": lambda t: "needed" if t.needs_size else "not needed",
        "names unique in a folder": lambda t: "yes" if t.unique_names else "no",
        "upper and lower case differ": lambda t: "yes" if t.case_sensitive else "no",
        "longest name": lambda t: f"{t.max_name}",
        "forbidden characters": lambda t: (
            " ".join(f"`{c}`" for c in sorted(t.forbidden) if c.isprintable()).replace("|", "\\|") or "none"
        ),
        "files it may alter after upload": lambda t: "Office, PDF, HTML" if t.rewrites else "none",
        "trash": lambda t: "yes" if t.keeps_trash else "no",
    }
    head = "| | " + " | ".join(traits) + " |\n|---" + "|---" * len(traits) + "|\n"
    return head + "\n".join(
        f"| {label} | " + " | ".join(tell(one) for one in traits.values()) + " |" for label, tell in rows.items()
    )


def assumed() -> str:
    """The sandbox's behaviours that nobody has confirmed."""
    from providers.sandbox.behaviours import behaviours
    from providers.sandbox.core import VENDORS

    for target in VENDORS.values():
        importlib.import_module(target.partition(":")[0])
    return "\n".join(f"- {one.vendor}: {one.sentence}" for one in behaviours(None) if one.basis == "assumed")


def faults() -> str:
    """The words of a fault rule."""
    from providers.sandbox.faults import DO, MATCH

    rows = [(part, word) for part, words in (("match", MATCH), ("do", DO)) for word in words]
    head = "| | word | takes | meaning |\n|---|---|---|---|\n"
    return head + "\n".join(f"| {part} | `{word.name}` | {word.takes} | {word.meaning} |" for part, word in rows)


def settings() -> str:
    """The table of settings."""
    from gateway.settings import describe

    return describe().strip()


def render(text: str) -> str:
    """The README with its generated parts renewed."""
    for name, made in (("drives", drives), ("assumed", assumed), ("faults", faults), ("settings", settings)):
        text = re.sub(
            rf"(<!-- generated: {name} -->\n).*?(<!-- end -->)",
            lambda match, made=made: f"{match[1]}{made()}\n{match[2]}",  # type: ignore[misc]  # bound at once
            text,
            flags=re.DOTALL,
        )
    return text


if __name__ == "__main__":
    path = ROOT / "README.md"
    old = path.read_text()
    new = render(old)
    if "--check" in sys.argv:
        sys.exit(0 if old == new else "README.md is out of date: run ./scripts/readme")
    path.write_text(new)
