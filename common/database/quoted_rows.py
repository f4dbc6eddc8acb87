"""What a database quotes of a row when it refuses one: ids, names and grades, which belong in no log.

PostgreSQL's words for it come after the first line of its message: `DETAIL:  Failing row contains (1, S-7720, 61)`,
`CONTEXT:`, `QUERY:`, or the `LINE 1:` of a statement into which Django has written values. SQLite names columns alone.
"""

import re

CUT = "[cut: what the database quoted]"
# To the end of the message: a text in the row may itself have several lines. What follows an empty line in a traceback
# is the next exception.
TO_ITS_END = r".*?(?=\n\n(?:The above exception|During handling of)|\Z)"
QUOTED = re.compile(
    rf"(?:\b(?:DETAIL|CONTEXT|QUERY|LINE \d+):|Failing row contains \(|\bKey \([^)]*\)=\(){TO_ITS_END}", re.DOTALL
)
VALUE = re.compile(r"(invalid input (?:syntax|value) for [^:\n]*): .*")


def without_rows(text: str) -> str:
    """`text`, a message or a traceback, without what a database quoted in it."""
    return VALUE.sub(rf"\1: {CUT}", QUOTED.sub(CUT, text))
