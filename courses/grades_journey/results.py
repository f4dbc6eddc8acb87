"""The results in an answer of Grades Journey, and whose they are. Pure: no call is made here."""

import html
from collections.abc import Sequence
from dataclasses import dataclass, replace
from unicodedata import normalize

from courses.grades_journey.items import Item
from courses.learn_http.answers import MAX_REASON_CHARACTERS, Answer, plain, read_json, refusal
from courses.learn_http.errors import Fault, LearnError, RequestRefused

ERRORS = ("ERROR", "FAILED", "FAILURE", "FAIL")  # statuses that say no, and nothing else


class ItemRejected(LearnError):
    """Learn answered, and said no to this item: repair the cause, then send it again."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """Learn's word on one item. `echo` is the courseId and name it claims to speak of; None for what is no text."""

    status: str  # empty: it did not say
    message: str
    echo: tuple[str | None, str | None]
    spelling: tuple[str, str] | None = None  # a name as it was sent and as Learn wrote it, where these differ

    @property
    def ok(self) -> bool:
        return self.status.upper() == "OK"

    def verdict(self) -> ItemRejected | None:
        """A refusal with another word than an error's is said with it: its message may well praise the item."""
        if self.ok:
            return None
        if self.status.upper() in ERRORS:
            return ItemRejected(Fault.REJECTED, message=self.message)
        return ItemRejected(Fault.REJECTED_WITH_STATUS, status=self.status, message=self.message)


def read_results(answer: Answer) -> list[Result]:
    """The results in an answer, whatever its status. Raises `refusal` where it is no JSON array of objects."""
    entries = read_json(answer.body)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise refusal(answer)
    return [
        Result(
            status=plain(entry.get("status")),
            message=plain(entry.get("message")),
            echo=(course_id(entry), only_text(entry.get("name"))),
        )
        for entry in entries
    ]


def course_id(entry: dict[str, object]) -> str | None:
    """Of a result. It is empty in that of a schema, which belongs to no course: some will leave it out, or say null."""
    found = entry.get("courseId")
    return "" if found is None else only_text(found)


def only_text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def match_results(items: Sequence[Item], results: Sequence[Result]) -> list[Result] | None:
    """The results in the order of their items, or None where they cannot be believed.

    Believed are as many results as items, each with a status and the names of an item. Where the items are `distinct`,
    the names say whose a result is, whatever its place. Where not, each must stand at the place of an item of its
    names, and nothing is said about order: a result names no user, so results of one column may still have changed
    places. Whom a failure among them befell shows when it is sent again; of what may not be, nothing is then known.
    """
    if len(items) != len(results) or not all(result.status for result in results):
        return None
    if distinct(items):
        by_echo = {result.echo: result for result in results}
        found = [by_echo[item.echo] for item in items if item.echo in by_echo]
        return found if len(found) == len(items) else None
    in_place = all(result.echo == item.echo for item, result in zip(items, results, strict=True))
    unanimous = len({result.ok for result in results}) == 1
    return list(results) if in_place and (unanimous or items[0].repeatable) else None


def distinct(items: Sequence[Item]) -> bool:
    """Whether no two of the items share their names, so that a result's names belong to one of them alone."""
    return len({item.echo for item in items}) == len(items)


def written_otherwise(items: Sequence[Item], results: Sequence[Result]) -> list[Result]:
    """The results, those that repeat their item's names in another spelling marked, and with the names as sent.

    Another spelling: escaped for HTML, in other case, with other blanks or composed differently. It is believed only
    of a result that is otherwise in its place, and where no two names that were sent differ in their spelling alone.
    """
    sent = {item.echo for item in items}
    if len(items) != len(results) or len({tuple(map(folded, echo)) for echo in sent}) != len(sent):
        return list(results)
    return [marked(item, result) for item, result in zip(items, results, strict=True)]


def marked(item: Item, result: Result) -> Result:
    pairs = [(sent, answered or "") for sent, answered in zip(item.echo, result.echo, strict=True)]
    differing = [(sent, answered) for sent, answered in pairs if sent != answered]
    if not differing or any(folded(sent) != folded(answered) for sent, answered in differing):
        return result
    sent, answered = differing[0]
    return replace(result, echo=item.echo, spelling=(visible(sent), visible(answered)))


def folded(name: str) -> str:
    return " ".join(normalize("NFC", html.unescape(name)).split()).casefold()


def visible(name: str) -> str:
    """With its blanks, and with a code for every character that cannot be seen."""
    shown = (char if char.isprintable() else char.encode("unicode_escape").decode() for char in name)
    return "".join(shown)[:MAX_REASON_CHARACTERS]


def refuse_absent_service(answer: Answer) -> None:
    """Raises what an answer to a call without items means, unless it shows that the service is there.

    Learn may well say that no items are too few: then it was the service itself that looked at the call.
    """
    try:
        read_results(answer)
    except RequestRefused:
        if answer.status < 400:  # sent on to another place
            raise
