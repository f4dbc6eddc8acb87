"""Flow patterns: which flow ids a client may name. `4711` is that flow alone, `EX-*` each whose id begins so."""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from django.utils.translation import gettext as _

from common import spelling

MAX_PATTERNS = 100
MAX_LENGTH = 255  # characters, as of a flow id


def matches(patterns: Iterable[str], flow_id: str) -> bool:
    """Whether one of the patterns is for this flow. `*` is any number of characters, also none; the rest is literal."""
    return any(fnmatchcase(flow_id, re.sub(r"[?\[]", r"[\g<0>]", pattern)) for pattern in patterns)


def refuse_patterns(given: object) -> None:
    """Raises ValueError, with a sentence, for what is no list of usable patterns."""
    if not isinstance(given, list) or not all(isinstance(pattern, str) for pattern in given):
        raise ValueError(_('Enter a list of flow patterns, such as ["4711", "EX-*"].'))
    if len(given) > MAX_PATTERNS:
        raise ValueError(_("There are %(count)s flow patterns; %(max)s are allowed.") % counted(len(given)))
    for pattern in given:
        if not pattern.strip() or len(pattern) > MAX_LENGTH:
            raise ValueError(
                _("'%(pattern)s' is not a flow pattern: it needs 1 to %(max)s characters.")
                % {"pattern": pattern[:MAX_LENGTH], "max": MAX_LENGTH}
            )
        if spelling.clean(pattern) != pattern:  # it would match no flow id, which are cleaned as well
            raise ValueError(_("'%(pattern)s' has spaces around it.") % {"pattern": pattern})


def counted(number: int) -> dict[str, int]:
    return {"count": number, "max": MAX_PATTERNS}
