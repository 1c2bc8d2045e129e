"""The parts of README.md that are read off the code, so that they cannot drift from it."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from providers import verbs  # noqa: E402  # the project is importable only from here on
from providers.drive import Traits  # noqa: E402
from providers.google import TRAITS as GOOGLE  # noqa: E402
from providers.google import GoogleDrive  # noqa: E402
from providers.native import TRAITS as NATIVE  # noqa: E402
from providers.native import NativeDrive  # noqa: E402
from providers.onedrive import TRAITS as ONEDRIVE  # noqa: E402
from providers.onedrive import OneDrive, PersonalOneDrive  # noqa: E402

DRIVES: dict[str, tuple[Traits, dict[str, type]]] = {
    "Google Drive": (GOOGLE, {"": GoogleDrive}),
    "OneDrive": (ONEDRIVE, {"at school": OneDrive, "personal accounts": PersonalOneDrive}),
    "native": (NATIVE, {"": NativeDrive}),
}
"""Each with its traits and the classes behind it, by the accounts for which they stand."""

VERBS: dict[str, type] = {
    "copies without moving bytes": verbs.CanCopy,
    "search": verbs.CanSearch,
    "further drives and libraries": verbs.HasSpaces,
    "older versions": verbs.HasVersions,
    "list of the trash": verbs.HasTrash,
    "restore from the trash": verbs.CanRestore,
    "changes since a moment": verbs.HasChanges,
    "thumbnails": verbs.HasThumbnails,
    "quota": verbs.HasQuota,
}
"""What only some drives can do, row by row."""

VIEWS = {verbs.View.SHARED: "shared with me", verbs.View.STARRED: "starred", verbs.View.RECENT: "recent"}


def size(count: int | None) -> str:
    """Bytes for people."""
    if count is None:
        return "whole file"
    for unit, factor in (("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= factor:
            return f"{count / factor:.4g} {unit}"
    return f"{count} B"


def able(classes: dict[str, type], verb: type) -> str:
    """Whether all, none or which of the classes have the verb."""
    having = [account for account, kind in classes.items() if issubclass(kind, verb)]
    return "yes" if len(having) == len(classes) else ", ".join(having) or "no"


def exports() -> str:
    """The formats in which Google's documents can be read."""
    from providers.google.traits import EXPORTS

    return ", ".join(dict.fromkeys(choice.id for choices in EXPORTS.values() for choice in choices))


def drives() -> str:
    """The table of what each drive supports: from its traits, and from the verbs that its classes have."""
    from providers.onedrive.traits import PERSONAL, of

    away = {"Google Drive": exports()}
    alters = "Office, PDF, HTML" + ("" if of(PERSONAL).rewrites else " (personal accounts: none)")
    rows: dict[str, Callable[[Traits], str]] = {
        "largest file": lambda t: size(t.max_size),
        "verified by": lambda t: t.hash,
        "upload pieces": lambda t: size(t.max_piece),
        "size known before": lambda t: "needed" if t.needs_size else "not needed",
        "names unique in a folder": lambda t: "yes" if t.unique_names else "no",
        "upper and lower case differ": lambda t: "yes" if t.case_sensitive else "no",
        "longest name": lambda t: f"{t.max_name}",
        "longest path": lambda t: f"{t.max_path}" if t.max_path else "any",
        "forbidden characters": lambda t: (
            " ".join(f"`{c}`" for c in sorted(t.forbidden) if c.isprintable()).replace("|", "\\|") or "none"
        ),
        "files it may alter after upload": lambda t: alters if t.rewrites else "none",
        "trash": lambda t: "yes" if t.keeps_trash else "no",
        "lists across folders": lambda t: ", ".join(VIEWS[verbs.View(view)] for view in t.views) or "none",
        "files become its own documents": lambda t: f"{len(t.converts)} types" if t.converts else "no",
    }
    table = [[label, *(tell(traits) for traits, _ in DRIVES.values())] for label, tell in rows.items()]
    table += [["its own documents become", *(away.get(name, "has none") for name in DRIVES)]]
    table += [[label, *(able(classes, verb) for _, classes in DRIVES.values())] for label, verb in VERBS.items()]
    head = "| | " + " | ".join(DRIVES) + " |\n|---" + "|---" * len(DRIVES) + "|\n"
    return head + "\n".join(f"| {' | '.join(cells)} |" for cells in table)


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
