"""The parts of the site for people: how each is, in a sentence, and what to do where it is not well."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from django.conf import settings
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db import connection
from django.template.defaultfilters import filesizeformat
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from common.moments import moment
from exports.models import Digest, Heartbeat, Hold, WebhookMessage
from exports.notifying.digests import sends_mail
from gradebridge.watching import facts
from gradebridge.watching.facts import Life, Waiting
from gradebridge.watching.health import pending_migrations

LONG = timedelta(minutes=20)  # for a grade or a task to wait
LATE_PROOF = timedelta(days=1)
DAY = timedelta(days=1)
FEW_CALLS = 0.1  # of the daily quota


class Tone(Enum):
    """How a part looks: CSS class, icon, text."""

    GOOD = ("success", "check", gettext_lazy("Works"))
    WARNING = ("warning", "warning", gettext_lazy("Look at it"))
    BAD = ("danger", "error", gettext_lazy("Does not work"))
    PLAIN = ("plain", "remove", gettext_lazy("Not used"))

    @property
    def css(self) -> str:
        return self.value[0]

    @property
    def icon(self) -> str:
        return self.value[1]

    @property
    def text(self) -> Promise:
        return self.value[2]


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    name: str
    tone: Tone = Tone.GOOD
    found: str
    what_to_do: str = ""


def all_parts(now: datetime) -> Iterator[Part]:
    """What stops everything first."""
    yield database()
    yield migrations()
    processes = facts.processes(now)
    yield clock(processes)
    yield worker(processes)
    yield grades(now)
    yield tasks(now)
    yield sending()
    learn = facts.learn(now)
    yield calls(learn)
    yield quota(learn)
    yield proof(now)
    yield expected(now)
    yield mail(now)
    yield webhooks(now)
    yield purge(processes)


def database() -> Part:
    vendor = {"postgresql": "PostgreSQL", "sqlite": "SQLite"}.get(connection.vendor, connection.vendor)
    found = _("%(database)s, %(size)s") % {"database": vendor, "size": filesizeformat(size_of_database())}
    return Part(name=_("Database"), found=found)


def size_of_database() -> int:
    """In bytes."""
    if connection.vendor != "postgresql":
        name = str(connection.settings_dict["NAME"])
        return os.path.getsize(name) if os.path.exists(name) else 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return int(cursor.fetchone()[0])


def migrations() -> Part:
    name, pending = _("Migrations"), pending_migrations()
    if not pending:
        return Part(name=name, found=_("All are applied."))
    found = ngettext("%(count)s is missing.", "%(count)s are missing.", pending) % {"count": pending}
    return Part(name=name, tone=Tone.BAD, found=found, what_to_do=_("Run manage.py migrate on the server."))


def seen(at: datetime | None) -> str:
    if at is None:
        return _("It has never been seen.")
    return _("Last sign of life: %(when)s.") % {"when": moment(at)}


def clock(processes: facts.Processes) -> Part:
    name, found = _("Clock"), seen(processes.seen.get(Heartbeat.Name.CLOCK))
    if processes.clock is Life.ALIVE:
        return Part(name=name, found=found)
    what_to_do = _(
        "Start manage.py scheduler. Without it nothing is proven, no e-mail is sent, and attempts of processes that "
        "have died stay in progress."
    )
    return Part(name=name, tone=Tone.BAD, found=found, what_to_do=what_to_do)


def worker(processes: facts.Processes) -> Part:
    name, found = _("Task workers"), seen(processes.seen.get(Heartbeat.Name.WORKER))
    match processes.worker:
        case Life.ALIVE:
            return Part(name=name, found=found)
        case Life.BUSY:
            return Part(name=name, found=_("All are busy with a task."))
        case Life.UNKNOWN:
            return Part(name=name, tone=Tone.WARNING, found=found, what_to_do=_("Start the clock, which asks them."))
    what_to_do = _("Start manage.py db_worker. Without it retries and corrections are not sent.")
    return Part(name=name, tone=Tone.BAD, found=found, what_to_do=what_to_do)


def is_long(waiting: Waiting, now: datetime, limit: timedelta = LONG) -> bool:
    return waiting.since is not None and now - waiting.since > limit


def grades(now: datetime) -> Part:
    name, waiting = _("Grades to be sent"), facts.waiting_grades()
    if waiting.since is None:
        return Part(name=name, found=_("None is waiting."))
    found = ngettext(
        "%(count)s is waiting, since %(when)s.", "%(count)s are waiting, the oldest since %(when)s.", waiting.number
    ) % {"count": intcomma(waiting.number), "when": moment(waiting.since)}
    if not is_long(waiting, now):
        return Part(name=name, found=found)
    what_to_do = _(
        "Check that the clock and a task worker run, and that Learn has calls left. A large retry takes long."
    )
    return Part(name=name, tone=Tone.WARNING, found=found, what_to_do=what_to_do)


def tasks(now: datetime) -> Part:
    name, waiting = _("Background tasks"), facts.waiting_tasks()
    if waiting.since is None:
        return Part(name=name, found=_("None is waiting."))
    found = ngettext(
        "%(count)s is waiting, since %(when)s.", "%(count)s are waiting, the oldest since %(when)s.", waiting.number
    ) % {"count": intcomma(waiting.number), "when": moment(waiting.since)}
    if not is_long(waiting, now):
        return Part(name=name, found=found)
    what_to_do = _("Start a further task worker: manage.py db_worker.")
    return Part(name=name, tone=Tone.WARNING, found=found, what_to_do=what_to_do)


def sending() -> Part:
    name, pause = _("Sending"), Hold.objects.pause()
    if pause is None:
        return Part(name=name, found=_("Grades are sent."))
    found = _("%(person)s has paused all sending since %(when)s.") % {
        "person": pause.held_by,
        "when": moment(pause.held_at),
    }
    return Part(name=name, tone=Tone.WARNING, found=found, what_to_do=_("Resume it under Holds when it is time."))


def calls(learn: facts.Learn) -> Part:
    name = _("Calls to Learn")
    if learn.works is None:
        return Part(name=name, tone=Tone.PLAIN, found=_("Learn has not been called yet."))
    if learn.works and learn.succeeded:
        return Part(name=name, found=_("The last one worked, on %(when)s.") % {"when": moment(learn.succeeded)})
    assert learn.failed is not None  # the last one failed
    found = _("The last one failed, on %(when)s: %(error)s.") % {"when": moment(learn.failed), "error": learn.error}
    what_to_do = _("Test the connection under Connection to Learn: it says what is wrong.")
    return Part(name=name, tone=Tone.BAD, found=found, what_to_do=what_to_do)


def quota(learn: facts.Learn) -> Part:
    name, daily = _("Learn's quota"), settings.LEARN_DAILY_CALLS
    if learn.blocked_until:
        found = _("Learn accepts no calls before %(when)s.") % {"when": moment(learn.blocked_until)}
        what_to_do = _("Retry after that. Ask for a larger quota, or raise LEARN_BATCH_SIZE, if it comes back.")
        return Part(name=name, tone=Tone.BAD, found=found, what_to_do=what_to_do)
    found = _("%(left)s of %(all)s calls are left today.") % {
        "left": intcomma(learn.calls_left),
        "all": intcomma(daily),
    }
    if learn.calls_left >= FEW_CALLS * daily:
        return Part(name=name, found=found)
    what_to_do = _("Leave large retries for tomorrow. See under Calls to Learn what has used them.")
    return Part(name=name, tone=Tone.WARNING, found=found, what_to_do=what_to_do)


def proof(now: datetime) -> Part:
    name = _("Proof from Learn")
    if settings.PROVE_AFTER is None:
        return Part(name=name, tone=Tone.PLAIN, found=_("PROVE_AFTER is empty: nothing is read back by itself."))
    waiting = facts.unproven_grades(now)
    if waiting.since is None:
        return Part(name=name, found=_("All grades that should have been read back were."))
    found = ngettext(
        "%(count)s grade was not read back yet, sent on %(when)s.",
        "%(count)s grades were not read back yet, the oldest sent on %(when)s.",
        waiting.number,
    ) % {"count": intcomma(waiting.number), "when": moment(waiting.since)}
    if not is_long(waiting, now, LATE_PROOF):
        return Part(name=name, found=found)
    what_to_do = _("Check the clock and Learn's quota, and the privileges by a test under Connection to Learn.")
    return Part(name=name, tone=Tone.WARNING, found=found, what_to_do=what_to_do)


def expected(now: datetime) -> Part:
    name, late = _("Expected grades"), facts.late(now)
    if not late.flows:
        return Part(name=name, found=_("No flow is late."))
    found = ngettext("%(count)s flow is late.", "%(count)s flows are late.", late.flows) % {"count": late.flows}
    what_to_do = _("The dashboard lists them among the exams that need you.")
    return Part(name=name, tone=Tone.WARNING, found=found, what_to_do=what_to_do)


def mail(now: datetime) -> Part:
    name = _("E-mail")
    if not sends_mail():
        return Part(name=name, tone=Tone.PLAIN, found=_("EMAIL_URL is empty: no e-mail is sent."))
    failed = Digest.objects.filter(state=Digest.State.GIVEN_UP, finished_at__gt=now - DAY).count()
    if not failed:
        return Part(name=name, found=_("No e-mail was given up since yesterday."))
    found = ngettext("%(count)s e-mail was given up.", "%(count)s e-mails were given up.", failed) % {"count": failed}
    return Part(name=name, tone=Tone.BAD, found=found, what_to_do=_("See under Digests why, and check EMAIL_URL."))


def webhooks(now: datetime) -> Part:
    name = _("Webhooks")
    lately = WebhookMessage.objects.filter(finished_at__gt=now - DAY)
    failed = lately.filter(state=WebhookMessage.State.GIVEN_UP).count()
    if not failed:
        return Part(name=name, found=_("No message was given up since yesterday."))
    found = ngettext("%(count)s message was given up.", "%(count)s messages were given up.", failed) % {"count": failed}
    return Part(name=name, tone=Tone.BAD, found=found, what_to_do=_("See under Webhooks why."))


def purge(processes: facts.Processes) -> Part:
    name, at = _("Purge of old history"), processes.seen.get(Heartbeat.Name.PURGE)
    if at is None:
        return Part(name=name, tone=Tone.PLAIN, found=_("Nothing has been purged yet."))
    return Part(name=name, found=_("Last on %(when)s.") % {"when": moment(at)})
