"""Class materials: a teacher's nested folders with everything that makes a move hard, students' small drives.

The same ids, names, bytes and times at every start from nothing. Names are those that OneDrive refuses, on purpose.
"""

from __future__ import annotations

from collections.abc import Sequence

from providers.sandbox.box import Sandbox
from providers.sandbox.google.oddities import exchanged, odd_things
from providers.sandbox.google.office import DOCUMENT, FORM, SHEET, SLIDES
from providers.sandbox.google.planter import BINARY, PNG, START, TEXT, Planter, Written
from providers.sandbox.google.tree import Tree
from providers.sandbox.people import Person

BIG = 66 * 1024 * 1024 + 12_345
_PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc00000030101"
    "00c9fe92ef0000000049454e44ae426082"
)


def plant(box: Sandbox, tree: Tree) -> None:
    """Everything, for everyone who is there."""
    everyone, written = box.people.all(), Written()
    for person in everyone:
        planter = Planter(box, tree, person, written)
        if person.role == "teacher":
            students = [one for one in everyone if one.school == person.school and one.role == "student"]
            _teacher(planter, students)
            exchanged(planter, [one for one in everyone if one.school != person.school])
            drive = tree.add_drive(f"{person.school.title()} Staff Room", person.school, START)
            planter.file(drive, "Timetable.csv", "text/csv", b"period,mon,tue\n1,7b,8a\n")
        elif person.role == "student":
            _student(planter, person)
        else:
            teachers = [one for one in everyone if one.school == person.school and one.role == "teacher"]
            odd_things(planter, teachers)
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
