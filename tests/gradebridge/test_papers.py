"""The papers: every link leads somewhere, and every page is found from README.md."""

import re
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAX_LINES = 300
LINK = re.compile(r"\]\(([^()\s]+(?:\([^()\s]*\))?)(?:\s+\"[^\"]*\")?\)")
CODE = re.compile(r"^(```|~~~).*?^\1 *$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#{1,6} +(.+?) *#* *$", re.MULTILINE)


def papers() -> list[Path]:
    """Every page of the project, also one that is not committed yet."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    found = [ROOT / name for name in listed] or [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    return sorted(path for path in found if path.exists())


@cache
def links(page: Path) -> list[str]:
    return LINK.findall(CODE.sub("", page.read_text()))


def target(page: Path, link: str) -> Path:
    return (page.parent / link.partition("#")[0]).resolve() if link.partition("#")[0] else page


@cache
def anchors(page: Path) -> set[str]:
    """The names of a page's headings, as GitHub makes them."""
    text = re.sub(r"^(```|~~~).*?^\1 *$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    seen: Counter[str] = Counter()
    found = set(re.findall(r'<a id="([^"]+)">', text))
    for heading in HEADING.findall(text):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        found.add(f"{name}-{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return found


def is_elsewhere(link: str) -> bool:
    return re.match(r"[a-z][a-z+.-]*:", link) is not None


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", papers(), ids=name_of)
def test_every_link_leads_to_a_file_and_a_heading(page):
    broken = []
    for link in links(page):
        if is_elsewhere(link):
            continue
        path, anchor = target(page, link), link.partition("#")[2]
        if not path.exists() or (anchor and path.suffix == ".md" and anchor not in anchors(path)):
            broken.append(link)
    assert broken == []


def test_every_page_is_two_clicks_from_the_readme():
    # A folder is a page too: the list of its files.
    def leads_to(page: Path) -> set[Path]:
        if page.is_dir():
            return set(page.glob("*.md"))
        return {target(page, link) for link in links(page) if not is_elsewhere(link)} if page.suffix == ".md" else set()

    first = leads_to(ROOT / "README.md")
    second = {page for path in first for page in leads_to(path)}
    assert [name_of(page) for page in papers() if page not in first | second | {ROOT / "README.md"}] == []


@pytest.mark.parametrize("page", [page for page in papers() if page.name != "CHANGELOG.md"], ids=name_of)
def test_no_page_is_long(page):
    assert len(page.read_text().splitlines()) <= MAX_LINES


def test_every_page_that_the_code_names_is_there():
    files = [
        path
        for room in ("common", "courses", "exports", "gradebridge", "sandbox")
        for path in (ROOT / room).rglob("*.py")
    ]
    files += [
        *(ROOT / "templates").rglob("*.html"),
        ROOT / "Makefile",
        ROOT / ".env.example",
        ROOT / "gunicorn.conf.py",
    ]
    named = {
        (name_of(file), page) for file in files for page in re.findall(r"docs/[\w/-]+\.(?:md|png|py)", file.read_text())
    }
    assert [(file, page) for file, page in sorted(named) if not (ROOT / page).exists()] == []


def test_a_heading_is_named_as_on_github():
    page = ROOT / "docs/rules.md"
    assert "one-learn-user-several-people" in anchors(page)
    assert "`evidence`" not in anchors(page)
