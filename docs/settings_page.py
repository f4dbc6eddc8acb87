"""`make settings`: fills in the columns *Default* and *Values* of docs/settings.md from the code that reads them.

What a variable means is written by people, in the last column. With `--check` nothing is written: it ends with 1 where
the page is not as the code is.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "settings.md"
CODE = ("gradebridge/settings.py", "gunicorn.conf.py")
READ_ELSEWHERE = {"GUNICORN_CMD_ARGS", "SANDBOX_PORT"}  # by gunicorn itself, and by the demo alone
HEAD = "| Variable | Default | Values | Meaning |"
NOT_SET, COMPUTED = "must be set", None


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """`default`: as the page shows it; None: it is computed or empty, and people say what that means.
    `values`: the same, of what can be given. `is_number`: a number is read.
    """

    name: str
    default: str | None
    values: str | None
    is_number: bool


def settings() -> dict[str, Setting]:
    """Every variable that the code reads, by its name."""
    return {setting.name: setting for file in CODE for setting in read_in(ROOT / file)}


def read_in(path: Path) -> Iterator[Setting]:
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        function = ast.unparse(node.func)
        if function == "read" and len(node.args) == 2:
            default = next((word.value for word in node.keywords if word.arg == "default"), NOT_SET)
            yield setting(node.args[0], default, node.args[1])
        elif function == "os.environ.get":
            yield setting(node.args[0], node.args[1], None)


def setting(name: ast.expr, default: ast.expr | str, cast: ast.expr | None) -> Setting:
    function = ast.unparse(cast.func if isinstance(cast, ast.Call) else cast).rpartition(".")[2] if cast else ""
    return Setting(
        name=ast.literal_eval(name),
        default=default if isinstance(default, str) else shown(default),
        values=values_of(function, cast),
        is_number=function in ("whole", "seconds", "share"),
    )


def shown(default: ast.expr) -> str | None:
    value = default.value if isinstance(default, ast.Constant) else None
    return f"`{value}`" if isinstance(value, str) and value else COMPUTED


def values_of(function: str, cast: ast.expr | None) -> str | None:
    if function == "boolean":
        return "`true`, `false`"
    if function == "share":
        return "0 to 1"
    if not isinstance(cast, ast.Call):
        return COMPUTED
    given = [*cast.args, *(word.value for word in cast.keywords)]
    if not all(isinstance(each, ast.Constant) for each in given):
        return COMPUTED
    if function in ("whole", "seconds"):
        limits = {word.arg: ast.literal_eval(word.value) for word in cast.keywords}
        return f"{limits['least']:,} to {limits['most']:,}"
    if function == "one_of":
        return ", ".join(f"`{ast.literal_eval(choice)}`" for choice in given)
    return COMPUTED


def names_in(row: str) -> list[str]:
    """The variables that a row of a table is about. `NAME_FILE` names the file of a value, and is no other setting."""
    names = re.findall(r"`([A-Z][A-Z0-9_]+)`", row.split("|")[1]) if row.startswith("| `") else []
    return [name for name in names if not name.endswith("_FILE")]


def filled_in(page: str, known: dict[str, Setting]) -> str:
    """The page, with both columns as the code has them. Tables of three columns get the fourth."""
    return "\n".join(filled_row(line, known) for line in page.splitlines()) + "\n"


def filled_row(line: str, known: dict[str, Setting]) -> str:
    if line.startswith("| Variable |"):
        return HEAD
    if line == "|---|---|---|":
        return "|---|---|---|---|"
    names = names_in(line)
    if not names:
        return line
    cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    if len(cells) == 3:
        cells.insert(2, "")
    if of_code := known.get(names[0]):
        cells[1] = of_code.default or cells[1]
        cells[2] = of_code.values or cells[2]
    return "".join(f"| {cell} " if cell else "| " for cell in cells) + "|"


def faults_in(page: str, known: dict[str, Setting]) -> list[str]:
    """What only people can repair: variables without a meaning, and meanings without a variable."""
    rows = [names_in(line) for line in page.splitlines()]
    described = [name for row in rows for name in row]
    return [
        *(f"{name} has no row. Add one with its meaning." for name in known if name not in described),
        *(f"{name} has more than one row." for name in known if described.count(name) > 1),
        *(f"{name} is read nowhere." for name in described if name not in {*known, *READ_ELSEWHERE}),
        *(f"{' and '.join(row)} differ: give each a row." for row in rows if not are_alike(row, known)),
    ]


def are_alike(names: list[str], known: dict[str, Setting]) -> bool:
    return len({(known[name].default, known[name].values) for name in names if name in known}) <= 1


def main() -> None:
    known, page = settings(), PAGE.read_text()
    new, faults = filled_in(page, known), faults_in(page, known)
    if "--check" not in sys.argv:
        PAGE.write_text(new)
    elif new != page:
        faults.append("A default or a limit is not as in the code: run `make settings`.")
    if faults:
        raise SystemExit("\n".join(f"docs/settings.md: {fault}" for fault in faults))


if __name__ == "__main__":
    main()
