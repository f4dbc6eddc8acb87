"""The words of docs/glossary.md that were given up are in no text that people read, and in no public name."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("common", "courses", "exports", "gradebridge")
GETTEXT = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy", "pgettext", "pgettext_lazy", "N_"}
TRANSLATED = re.compile(
    r'{% *translate +"([^"]*)"|{% *blocktranslate\b[^%]*%}(.*?){% *endblocktranslate *%}|(?<!\w)_\("([^"]*)"\)',
    re.DOTALL,
)


def given_up() -> list[str]:
    table = (ROOT / "docs" / "glossary.md").read_text().split("## Given up")[1]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return [word for row in rows for word in re.findall(r"`([^`]+)`", row)]


def sources() -> Iterator[Path]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path


def texts_of_python(path: Path) -> Iterator[tuple[int, str]]:
    """What is marked for translation."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in GETTEXT:
            for argument in node.args:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.lineno, argument.value


@cache
def texts() -> dict[str, str]:
    """Each text with where it is."""
    found = {text: f"{path.relative_to(ROOT)}:{line}" for path in sources() for line, text in texts_of_python(path)}
    for path in sorted((ROOT / "templates").rglob("*.html")):
        for match in TRANSLATED.finditer(path.read_text()):
            found[match[1] or match[2] or match[3]] = str(path.relative_to(ROOT))
    return found


@cache
def public_names() -> dict[str, str]:
    """Modules, classes, functions, methods, and names that a module or class sets."""
    found = {}
    for path in sources():
        where = str(path.relative_to(ROOT))
        found[path.stem] = where
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
                found[node.name] = f"{where}:{node.lineno}"
            if isinstance(node, (ast.ClassDef, ast.Module)):
                for statement in node.body:
                    targets = statement.targets if isinstance(statement, ast.Assign) else []
                    targets = [statement.target] if isinstance(statement, ast.AnnAssign) else targets
                    found |= {
                        target.id: f"{where}:{target.lineno}" for target in targets if isinstance(target, ast.Name)
                    }
    return {name: where for name, where in found.items() if not name.startswith("_")}


def words_of(name: str) -> str:
    """`MaxSeconds`, `MAX_SECONDS` and `max_seconds` are all `max seconds`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_", " ", name).lower()


@pytest.mark.parametrize("word", given_up())
def test_a_word_that_was_given_up_is_used_nowhere(word):
    pattern = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)", re.IGNORECASE)

    assert {where: text for text, where in texts().items() if pattern.search(text)} == {}
    assert {where: name for name, where in public_names().items() if pattern.search(words_of(name))} == {}


def test_the_search_finds_what_it_is_for():
    assert len(given_up()) > 30
    assert len(texts()) > 600
    assert len(public_names()) > 1_000
    assert words_of("MaxSeconds") == words_of("MAX_SECONDS") == words_of("max_seconds") == "max seconds"
