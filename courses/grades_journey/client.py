"""GradesJourney: sends items to Learn and says of each what became of it."""

from collections.abc import Sequence
from functools import partial

from courses.grades_journey.items import GradeValue, Item
from courses.grades_journey.results import Result, match_results, read_results, refuse_absent_service
from courses.grades_journey.settlement import Look, MayBegin, Settlement, always, of_item
from courses.learn_http.answers import Answer, read_version
from courses.learn_http.calls import CallInProgress, Observe, ignore
from courses.learn_http.errors import LearnError, Unconfirmed
from courses.learn_http.site import Site
from courses.learn_http.transport import StaleConnection

VERSION_SERVICE = "version"
VERSION_PATH = "/learn/api/public/v1/system/version"
SERVICE_PATH = "/learn/api/v2/cc/gradejourney/"


class GradesJourney:
    """The inbound services of one Learn site. Thread-safe; one for a process.

    It is given the site that it shares with other clients, or what a site of its own is made of: `url`, `key`, `secret`
    and `timeout`.
    """

    def __init__(
        self, site: Site | None = None, *, url: str = "", key: str = "", secret: str = "", timeout: float = 20
    ) -> None:
        self._site = site or Site(url=url, key=key, secret=secret, timeout=timeout)

    def send(
        self,
        items: Sequence[Item],
        *,
        until: float,
        observe: Observe = ignore,
        look: Look | None = None,
        may_begin: MayBegin = always,
    ) -> list[LearnError | None]:
        """Sends items of one service; returns an outcome per item at its place: None where Learn confirmed it, else
        what happened.

        `until` is a time.monotonic() moment; no call goes beyond it. `observe` receives every call that is made to a
        service, and of those for a token that its quota turned away. `look` may say what became of items whose results
        cannot be believed (see `Settlement`). `may_begin` is asked before each further call.
        Items that are not `repeatable` travel in one call, which is repeated only where Learn turned it away unread:
        for its token, or for its quota. Raises no LearnError; ValueError where the items are of several services.
        """
        if len({item.service for item in items}) > 1:
            raise ValueError("The items of one call are of one service.")
        send = partial(self._send, until=until, observe=observe)
        return Settlement(items, send, until=until, look=look, may_begin=may_begin).finish() if items else []

    def check_token(self, *, until: float, observe: Observe = ignore) -> None:
        """Asks Learn for a token, whatever token is at hand. Raises LearnError where it gives none."""
        self._site.check_token(until=until, observe=observe)

    def version(self, *, until: float, observe: Observe = ignore) -> str:
        """Learn's version, such as 4000.0.0. Raises LearnError."""
        return self._site.get(
            VERSION_SERVICE, VERSION_PATH, read_version, until=until, observe=observe, fresh_connection=True
        )

    def check_service(self, *, until: float, observe: Observe = ignore) -> None:
        """Sends no grade values, which changes nothing. Raises LearnError unless the service is there, and allowed."""

        def read(answer: Answer, _call: CallInProgress) -> None:
            refuse_absent_service(answer)

        path = f"{SERVICE_PATH}{GradeValue.service}"
        self._site.post(GradeValue.service, path, [], read, until=until, observe=observe, fresh_connection=True)

    def _send(self, items: Sequence[Item], *, until: float, observe: Observe) -> list[Result]:
        """Learn's results. A connection that Learn had closed costs a second call over a new one; an item
        that may not be sent twice goes over a new one at once.
        """
        try:
            return self._post(items, until, observe, fresh_connection=not items[0].repeatable)
        except StaleConnection as broken:
            try:
                return self._post(items, until, observe, fresh_connection=True)
            except LearnError as error:
                raise of_item(broken, items[0]) from error
        except Unconfirmed as failure:
            raise of_item(failure, items[0]) from failure

    def _post(self, items: Sequence[Item], until: float, observe: Observe, *, fresh_connection: bool) -> list[Result]:
        def read(answer: Answer, call: CallInProgress) -> list[Result]:
            results = read_results(answer)
            call.ok = sum(result.ok for result in results)
            call.errors = len(results) - call.ok
            if match_results(items, results) is None:
                call.error = Unconfirmed.__name__
            return results

        return self._site.post(
            items[0].service,
            f"{SERVICE_PATH}{items[0].service}",
            [item.body() for item in items],
            read,
            until=until,
            observe=observe,
            fresh_connection=fresh_connection,
        )
