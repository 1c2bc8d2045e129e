"""Class materials: a teacher's nested folders with everything that makes a move hard, students' small drives.

The same ids, names, bytes and times at every start from nothing. Names are those that OneDrive refuses, on purpose.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from providers.sandbox.box import Sandbox
from providers.sandbox.generated import blocks
from providers.sandbox.google.content import digests, filled, linked
from providers.sandbox.google.office import DOCUMENT, FORM, SHEET, SLIDES
from providers.sandbox.google.times import parse_time
from providers.sandbox.google.tree import FOLDER, SHORTCUT, Tree, identity
from providers.sandbox.people import Person
from providers.sandbox.transfer import Digests

START = parse_time("2026-09-01T08:00:00Z", "seed")
BIG = 66 * 1024 * 1024 + 12_345
TEXT, PNG, BINARY = "text/plain", "image/png", "application/octet-stream"
_PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc00000030101"
    "00c9fe92ef0000000049454e44ae426082"
)


Written = dict[tuple[str, bytes | int], tuple[str, Digests]]  # equal files of several people share their bytes


class Planter:
    """Puts things under one person's root, or another folder, each an hour after the one before."""

    def __init__(self, box: Sandbox, tree: Tree, person: Person, written: Written) -> None:
        self._box, self._tree, self._person, self._written = box, tree, person, written
        self.root = tree.root(person)
        self._at = START

    def folder(self, parent: str, name: str) -> str:
        """A folder; its id."""
        return self._put(parent, name, FOLDER, {})

    def shortcut(self, parent: str, name: str, target: str) -> str:
        """A shortcut to another item."""
        row = self._tree.get(target)
        assert row is not None, "targets come first"
        return self._put(parent, name, SHORTCUT, {"target": target, "targetMime": row["mime"]})

    def document(self, parent: str, name: str, mime: str, lines: Sequence[str], **more: Any) -> str:
        """A Doc, Sheet, Slides or Form with these paragraphs, rows or slides."""
        return self._put(parent, name, mime, {"doc": {"paragraphs": list(lines), **more}})

    def file(self, parent: str, name: str, mime: str, content: bytes | int, twin: str = "") -> str:
        """A file of these bytes, or of so many generated ones. ``twin`` keeps two of one name apart."""
        blob, hashes = self._bytes(name, content)
        drive = (self._tree.get(parent) or {})["drive"]
        row = self._row(parent, name + twin, name, mime, drive)
        return str(self._tree.put(filled(self._tree, row, blob, hashes, dated=True))["id"])

    def _bytes(self, name: str, content: bytes | int) -> tuple[str, Digests]:
        if (name, content) in self._written:
            blob, hashes = self._written[name, content]
            return linked(self._box.store, blob), hashes
        path, hashes = self._box.store.new_blob(), digests()
        with path.open("wb") as file:
            for block in [content] if isinstance(content, bytes) else blocks(content, name):
                file.write(block)
                hashes.update(block)
        self._written[name, content] = path.name, hashes
        return path.name, hashes

    def share(self, file_id: str, role: str, *people: Person) -> None:
        """Lets others see an item and what is below it."""
        row = self._tree.get(file_id)
        assert row is not None, "only what was planted is shared"
        self._tree.put({**row, "shared": {person.email: role for person in people}})

    def _put(self, parent: str, name: str, mime: str, more: dict[str, Any]) -> str:
        row = self._row(parent, name, name, mime, (self._tree.get(parent) or {})["drive"])
        return str(self._tree.put({**row, **more})["id"])

    def _row(self, parent: str, key: str, name: str, mime: str, drive: str | None) -> dict[str, Any]:
        self._at += 3_600_000
        owner = None if drive else self._person.email
        file_id = identity("google", self._person.email, parent, key)
        return self._tree.fresh(file_id, name, mime, parent, owner=owner, drive=drive, at=self._at)


def plant(box: Sandbox, tree: Tree) -> None:
    """Everything, for everyone who is there."""
    everyone, written = box.people.all(), Written()
    for person in everyone:
        planter = Planter(box, tree, person, written)
        if person.role == "teacher":
            students = [one for one in everyone if one.school == person.school and one.role == "student"]
            _teacher(planter, students)
            drive = tree.add_drive(f"{person.school.title()} Staff Room", person.school, START)
            planter.file(drive, "Timetable.csv", "text/csv", b"period,mon,tue\n1,7b,8a\n")
        elif person.role == "student":
            _student(planter, person)
        else:
            planter.file(planter.root, "School policy.txt", TEXT, b"Be kind. Keep copies. Forget on request.\n")


def _teacher(planter: Planter, students: Sequence[Person]) -> None:
    class_7b = planter.folder(planter.root, "Class 7b")
    biology = planter.folder(class_7b, "Biology")
    _biology(planter, biology)
    _names(planter, planter.folder(class_7b, "Week plans"))
    history = planter.folder(class_7b, "History")
    planter.document(history, "Timeline", SHEET, ["Year\tEvent", "1789\tRevolution", "1848\tSpring of nations"])
    planter.folder(history, "Empty folder")
    forms = planter.folder(planter.root, "Forms and long documents")
    planter.document(forms, "Lunch survey", FORM, ["What would you like to eat?"])
    planter.document(forms, "Yearbook (very long)", DOCUMENT, ["Every class of forty years."], pad=12)
    planter.shortcut(forms, "Shortcut to Biology", biology)
    worksheet = planter.file(planter.root, "Worksheet photosynthesis.txt", TEXT, b"1. What does a leaf breathe?\n")
    planter.share(worksheet, "reader", *students)


def _biology(planter: Planter, biology: str) -> None:
    planter.file(biology, "Cell division (film).mp4", "video/mp4", BIG)
    planter.file(biology, "Empty.txt", TEXT, b"")
    planter.document(biology, "Lesson plan", DOCUMENT, ["Lesson plan", "1. Cells", "2. Mitosis & meiosis"], size="1024")
    planter.document(biology, "Marks 7b", SHEET, ["Name\tMark", "Leo\t2", "Mia\t1"])
    planter.document(biology, "Mitosis in pictures", SLIDES, ["Mitosis", "Prophase", "Metaphase"])
    planter.file(biology, "Cell.png", PNG, _PIXEL)
    deep = planter.folder(planter.folder(biology, "Experiments"), "Pond water")
    planter.file(deep, "Microscope notes.txt", TEXT, b"Paramecium seen at 40x.\n" * 40)
    planter.file(deep, "Raw measurements.bin", BINARY, 300_000)


def _names(planter: Planter, plans: str) -> None:
    planter.file(plans, "Plan: week 1?.txt", TEXT, b"Week 1: plants\n")
    planter.file(plans, "CON.txt", TEXT, b"A name that Windows keeps for itself\n")
    planter.file(plans, "Ends with a dot.", TEXT, b"dot\n")
    planter.file(plans, " Leading space.txt", TEXT, b"space\n")
    planter.file(plans, 'a/b <draft> "2" | *.txt', TEXT, b"signs\n")
    planter.file(plans, "Übung – 光合作用 🌱.txt", TEXT, b"Photosynthese\n")
    planter.file(plans, "Homework.txt", TEXT, b"first of two with this name\n", twin="#1")
    planter.file(plans, "Homework.txt", TEXT, b"second of two with this name\n", twin="#2")


def _student(planter: Planter, person: Person) -> None:
    school = planter.folder(planter.root, "My schoolwork")
    planter.document(school, "Essay", DOCUMENT, ["Why leaves are green", f"By {person.name}"])
    planter.file(school, "Leaf.png", PNG, _PIXEL)
    planter.file(school, "Project.bin", BINARY, 1_500_000)
    planter.file(planter.root, "To do.txt", TEXT, b"- hand in essay\n")
