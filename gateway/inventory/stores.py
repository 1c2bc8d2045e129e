"""What is kept, sorted as a person thinks of it. Keys are those of the erasure plan, where it has the same thing."""

from __future__ import annotations

from typing import Final

from gateway.inventory.words import Store
from gateway.sentences import sentence

STORES: Final[tuple[Store, ...]] = (
    Store(
        "people",
        sentence("Who you are"),
        sentence("So that the service knows you when you come back, and shows your files to nobody else."),
        "task",
        sentence("Until you are forgotten. Then only a random number is left, which is never given to anybody again."),
    ),
    Store(
        "cached",
        sentence("Copies of files you opened"),
        sentence("So that a file opens fast the second time."),
        "task",
        sentence(
            "%(cache)s after you opened it, or sooner when you delete it or are forgotten. Nothing makes it longer."
        ),
    ),
    Store(
        "native",
        sentence("Files and folders in your own drive"),
        sentence("So that you can keep files with your school, without Google or Microsoft."),
        "task",
        sentence(
            "Until you delete them. What is in the trash goes after %(trash)s, older versions when newer ones take "
            "their place. All of it goes when you are forgotten."
        ),
    ),
    Store(
        "uploads",
        sentence("Files on their way to a drive"),
        sentence("So that a broken connection does not mean starting over."),
        "task",
        sentence("Until the drive has the file, a day at most, or until you are forgotten."),
    ),
    Store(
        "jobs",
        sentence("Your moves and copies, with their reports"),
        sentence("So that a move goes on after a breakdown, and you can see what became of each file."),
        "task",
        sentence("%(jobs)s after a job has ended, or until you are forgotten."),
    ),
    Store(
        "connections",
        sentence("Accounts you connected"),
        sentence("So that you can open and move files of your Google Drive and OneDrive here."),
        "task",
        sentence("Until you disconnect the account or are forgotten. Google is told to end the permission as well."),
    ),
    Store(
        "sign_ins",
        sentence("Places where you are signed in"),
        sentence("So that you need not sign in for every click, and nobody else can act as you."),
        "task",
        sentence("%(session)s at most, %(idle)s if you do nothing, or until you sign out."),
    ),
    Store(
        "extensions",
        sentence("Browser extensions signed in as you"),
        sentence("So that the browser extension can save and attach files for you."),
        "task",
        sentence("%(extension)s at most, or until you sign the extension out."),
    ),
    Store(
        "answers",
        sentence("Answers kept so that a repeated request does nothing twice"),
        sentence("So that pressing a button twice does nothing twice."),
        "task",
        sentence("A day, or until you are forgotten."),
    ),
    Store(
        "guardians",
        sentence("Links to your guardians"),
        sentence("So that your parents or guardians can use your rights for you while you are a child."),
        "rights",
        sentence("Until the day that was set when the link was made, or until one of you is forgotten."),
    ),
    Store(
        "suspensions",
        sentence("That your access was suspended, and why"),
        sentence("So that an account that is misused can be closed at once, and everybody can see later why."),
        "duty",
        sentence("Until you are forgotten, or your school leaves."),
    ),
    Store(
        "approvals",
        sentence("Requests of your school that are about you, or that you approved"),
        sentence("So that nobody at your school can have people's data deleted or handed out alone."),
        "rights",
        sentence("A year after the request has ended, or until you are forgotten."),
    ),
    Store(
        "requests",
        sentence("What you asked for about your data, and what you were told"),
        sentence("So that you can see what you asked for, and what became of it."),
        "rights",
        sentence(
            "As long as your school keeps its history, or until you are forgotten. A correction stays as long as your "
            "school's own list says otherwise."
        ),
    ),
    Store(
        "incidents",
        sentence("The school's incident book"),
        sentence("So that your school can tell the authority and the people concerned when something went wrong."),
        "duty",
        sentence("Until your school leaves. Of you it holds random numbers; what it tells in words is sealed."),
    ),
    Store(
        "holds",
        sentence("Legal holds on your files"),
        sentence("So that your school keeps what the law makes it keep, and you know of it where you may."),
        "duty",
        sentence(
            "Until two administrators release the hold, also when you delete the files or are forgotten. It is the "
            "only thing that stops that, and only for the files that it names. What a hold says goes with the "
            "school's book of what was done."
        ),
    ),
    Store(
        "lawful",
        sentence("What the law made the school hand out"),
        sentence("So that it can be proven who asked for data, by which law, and who agreed to it."),
        "duty",
        sentence("As long as your school must keep proof."),
    ),
    Store(
        "ledger",
        sentence("The book of what was done"),
        sentence("So that you and your school can see who did what with your files, and nobody can change it unseen."),
        "duty",
        sentence(
            "As long as your school must keep proof. When you are forgotten, its details about you become unreadable; "
            "random numbers and times stay."
        ),
    ),
    Store(
        "erasures",
        sentence("Proof that people were forgotten"),
        sentence("So that a restored backup forgets you again, and you can prove what was deleted."),
        "rights",
        sentence("For good: random numbers, times and counts, no names. The receipt itself goes when you fetched it."),
    ),
    Store(
        "keys",
        sentence("Locked keys"),
        sentence("So that what is kept of you can be read only for you, and by nobody once your key is destroyed."),
        "duty",
        sentence(
            "Until you are forgotten. Your key goes first, and with it everything that it locked. The receipt names "
            "the day by which that holds for backups as well."
        ),
    ),
    Store(
        "school",
        sentence("Your school and what it chose"),
        sentence("So that the rules of your school hold for everybody in it."),
        "task",
        sentence("Until your school leaves. What waits to be told to an address of your school goes within a day."),
    ),
    Store(
        "operation",
        sentence("What the machines need to run"),
        sentence("So that the service works, and faults are found. No names, no addresses, no contents."),
        "duty",
        sentence("While it is used. Log lines: as long as the operator keeps logs."),
    ),
)
"""Every kind of thing that is kept. The order is the one in which a person reads them."""
