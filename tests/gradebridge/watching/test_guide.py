"""docs/watching.md names every event of the log."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
ROOMS = ("common", "courses", "exports", "gradebridge")
METHODS = {"debug", "info", "warning", "error", "exception", "critical"}


def events_of(tree):
    """The first arguments of `log.info` and its like, also where `partial` calls them later."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        arguments = [node.func, *node.args]
        for place, argument in enumerate(arguments):
            if is_of_log(argument, METHODS):
                yield from texts(arguments[place + 1 : place + 2])
            elif is_of_log(argument, {"log"}):
                yield from texts(arguments[place + 2 : place + 3])


def is_of_log(node, methods):
    is_attribute = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    return is_attribute and node.value.id == "log" and node.attr in methods


def texts(nodes):
    return [node.value for node in nodes if isinstance(node, ast.Constant)]


def test_every_event_is_in_the_guide_and_nothing_else():
    files = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    written = {event for path in files for event in events_of(ast.parse(path.read_text()))}
    chosen = {  # by a variable
        *("wiseflow_called", "wiseflow_call_failed", "signed_out", "session_ended"),
        *("refused_request_not_recorded", "use_of_client_not_recorded"),
    }
    of_the_library = {"request_finished", "request_failed"}

    guide = (ROOT / "docs/watching.md").read_text()
    table = guide.split("### Events")[1].split("\n## ")[0]
    explained = {
        name for row in re.findall(r"^\| ([^|]*) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    }

    assert len(written) > 40
    assert explained == written | chosen | of_the_library
