"""A record as data, and its two forms for reading: Markdown and JSON. Knows nothing of what stands in it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, paragraphs and at most one table; every row has as many cells as ``columns``."""

    title: str
    text: Sequence[str] = ()
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A whole record."""

    name: str
    title: str
    about: str
    sections: Sequence[Section]

    def plain(self) -> Mapping[str, Any]:
        """As JSON knows it: each row is an object by the columns' names."""
        return {
            "name": self.name,
            "title": self.title,
            "about": self.about,
            "sections": [
                {
                    "title": section.title,
                    "text": list(section.text),
                    "rows": [dict(zip(section.columns, row, strict=True)) for row in section.rows],
                }
                for section in self.sections
            ],
        }

    def json(self) -> str:
        """As JSON."""
        return json.dumps(self.plain(), indent=2, ensure_ascii=False) + "\n"

    def markdown(self) -> str:
        """As Markdown."""
        parts = [f"# {self.title}", self.about]
        for section in self.sections:
            parts += [f"## {section.title}", *section.text]
            if section.columns:
                parts.append(_table(section))
        return "\n\n".join(parts) + "\n"


def _table(section: Section) -> str:
    if not section.rows:
        return "None."
    head = f"{_row(section.columns)}\n{'|---' * len(section.columns)}|"
    return "\n".join([head, *(_row(row) for row in section.rows)])


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") or "–" for cell in cells) + " |"
