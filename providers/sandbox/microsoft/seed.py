"""Class materials for a fresh stand-in: every person's OneDrive, the same bytes every time."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from providers.sandbox.microsoft.accounts import PERSONAL, Account, Holder
from providers.sandbox.microsoft.contents import Stored, makers, written
from providers.sandbox.microsoft.graph import Graph
from providers.sandbox.microsoft.pictures import picture
from providers.sandbox.microsoft.placing import Slot
from providers.sandbox.microsoft.tree import Doc
from providers.sandbox.people import Person
from providers.sandbox.transfer import Digests

Plan = Mapping[str, "bytes | Plan"]


def _text(*lines: str) -> bytes:
    return "\n".join(lines).encode() + b"\n"


def _noise(name: str, size: int) -> bytes:
    """Bytes that do not compress, always the same for a name."""
    return hashlib.shake_256(name.encode()).digest(size)


TEACHER: Plan = {
    "Year 7 Science": {
        "Photosynthesis.txt": _text("Plants make sugar from light, water and carbon dioxide.", "Chlorophyll is green."),
        "Marks.csv": _text("pupil,test 1,test 2", "Leo,17,19", "Ada,20,18"),
        "Leaf.png": picture(64, 64),
        "Practicals": {"Iodine test.txt": _text("Drop iodine on the leaf. Blue-black means starch.")},
    },
    "Shared resources": {"Safety film.bin": _noise("Safety film", 1_500_000), "Empty.txt": b""},
    "Marking": {},
    "Welcome.txt": _text("This drive belongs to a made-up teacher."),
}
STUDENT: Plan = {
    "Homework": {"Essay – draft.txt": _text("The water cycle has no beginning."), "Sum 1.txt": _text("7 × 8 = 56")},
    "Welcome.txt": _text("This drive belongs to a made-up student."),
}
ADMINISTRATOR: Plan = {"Policies": {"Acceptable use.txt": _text("Be kind. Keep your password to yourself.")}}
TERM = 1_788_249_600_000  # 2026-09-01T08:00:00Z
SINCE: Doc = {"created": TERM, "modified": TERM, "fs": [TERM, TERM]}
PLANS = {"teacher": TEACHER, "student": STUDENT, "administrator": ADMINISTRATOR, "guardian": STUDENT}


NEIGHBOURS = (
    Person("elif.kaya", "Elif Kaya", "lakeside", "teacher", "adult"),
    Person("ida.lund", "Ida Lund", "lakeside", "student", "13_15"),
)
STAFF: Plan = {
    "Meetings": {"Minutes.txt": _text("The timetable was agreed.")},
    "Rota.csv": _text("day,name", "Monday,Amira"),
}
CLASS: Plan = {
    "Class materials": {"Rules.txt": _text("Goggles on."), "Leaf.png": picture(64, 64)},
    "Reading list.txt": _text("1. The Selfish Giant"),
}


def plant(graph: Graph) -> None:
    """Fills the drives of everyone who is there, a second school's too, and gives each school its sites.

    Teachers also have a notebook, which is a package, and share a folder with the students of their school.
    """
    for person in NEIGHBOURS:
        graph.box.people.add(person)
    everyone = graph.box.people.all()
    for person in everyone:
        _fill(graph, person)
    for school in sorted({one.school for one in everyone} - set(PERSONAL)):
        _sites(graph, [Account(one) for one in everyone if one.school == school])


def _sites(graph: Graph, people: list[Account]) -> None:
    """A staff site that teachers work in, a class site that students only read. Teachers follow both."""
    staff = [one for one in people if one.person.role != "student"]
    pupils = {one.person.email: "read" for one in people if one.person.role == "student"}
    rights = {one.person.email: "owner" if one.person.role == "teacher" else "write" for one in staff}
    school = people[0].person.school
    for path, title, members, plan in (
        ("staff", "Staff room", rights, STAFF),
        ("class-7b", "Class 7b", rights | pupils, CLASS),
    ):
        site = graph.sites.make(school, path, title, members, TERM)
        drive = site["libraries"][0]
        _grow(graph, graph.tree.owner(drive), graph.tree.items[graph.tree.drives[drive]["root"]], plan)
        for account in staff:
            graph.sites.follow(account, site["id"])
    _share(graph, [one for one in staff if one.person.role == "teacher"], list(pupils))


def _share(graph: Graph, teachers: list[Account], pupils: list[str]) -> None:
    for teacher in teachers:
        root = graph.tree.items[graph.tree.drives[teacher.drive_id]["root"]]
        folder = graph.tree.child(root, "Shared resources")
        if folder:
            graph.rights.share(folder, pupils, "read")


def _fill(graph: Graph, person: Person) -> None:
    drive = graph.tree.drive_of(person)
    root = graph.tree.items[graph.tree.drives[drive]["root"]]
    _grow(graph, Account(person), root, PLANS[person.role])
    if person.role == "teacher":
        graph.tree.make(drive, root, "Class notebook", "package", **SINCE)


def _grow(graph: Graph, account: Holder, parent: Doc, plan: Plan) -> None:
    for name, content in plan.items():
        if isinstance(content, bytes):
            graph.places.place(Slot(parent, name, None), _stored(graph, account, content), "fail", **SINCE)
        else:
            _grow(graph, account, graph.tree.make(parent["drive"], parent, name, "folder", **SINCE), content)


def _stored(graph: Graph, account: Holder, content: bytes) -> Stored:
    path, digests = graph.box.store.new_blob(), Digests(makers(account))
    path.write_bytes(content)
    digests.update(content)
    return Stored(path.name, len(content), written(digests))
