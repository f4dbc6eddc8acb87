"""JMESPath over a body from outside, within bounds: an expression finds something, or says in a sentence why not.

Three things differ from JMESPath elsewhere. Numbers stay as they were written, and no function computes with them. A
key that its object names twice is never read. And everything costs steps, so that nothing takes long.
"""

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Self

import jmespath
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from jmespath import exceptions
from jmespath.functions import Functions, signature
from jmespath.visitor import Options, TreeInterpreter

from exports.grades.translating import NUMBER
from exports.reading.values import (
    CHARACTERS_A_STEP,
    CannotFind,
    Chosen,
    Number,
    Projected,
    RepeatedKeys,
    found_kind,
    is_false,
    kind,
    size,
    unambiguous,
    without_missing_lists,
)

EXPRESSION_LENGTH = 500  # characters
MAX_STEPS = 2_000_000  # that one expression may take over a whole body, a second or two
MAX_SHOWN = 60  # characters of an expression in a sentence
MAX_REST = 20  # characters of it where it is not valid

# What finds and joins. What computes (sum, avg ...) is left out: a grade goes to Learn as it was given. What takes an
# expression (map, sort_by ...) is left out too.
FUNCTIONS = (
    *("contains", "ends_with", "items", "join", "keys", "length", "not_null", "starts_with"),
    *("to_number", "to_string", "values"),
)


class BadSyntax(ValueError):
    """It is no expression. The sentence says why."""


class TooManySteps(Exception):
    """The expression takes too long over this body. The text is the expression's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Expression:
    """A compiled expression. One that is only a `key` is looked up without any interpreter; an empty one finds None."""

    text: str
    key: str | None = None
    tree: Any = field(default=None, compare=False)

    @classmethod
    def compile(cls, text: str) -> Self:
        """Raises BadSyntax."""
        text = text.strip()
        if not text:
            return cls(text=text)
        if len(text) > EXPRESSION_LENGTH:
            raise BadSyntax(
                _("The expression has %(length)s characters; %(allowed)s are allowed.")
                % {"length": len(text), "allowed": EXPRESSION_LENGTH}
            )
        try:
            tree = jmespath.compile(text).parsed
            check(tree)
        except BadSyntax:
            raise
        except exceptions.ParseError as error:
            raise BadSyntax(trouble(error, text)) from None
        except RecursionError:
            raise BadSyntax(_("The expression is nested too deeply.")) from None
        except ValueError:  # a number of thousands of digits, a key that is half a character
            raise BadSyntax(_("The expression is not valid.")) from None
        return cls(text=text, tree=tree, key=tree["value"] if tree["type"] == "field" else None)

    def __str__(self) -> str:
        return self.text if len(self.text) <= MAX_SHOWN else f"{self.text[: MAX_SHOWN - 3]}..."

    def finder(self, *, keeps_nulls: bool = False) -> Callable[[Any], Any]:
        """A function that finds it in one value after another, all within MAX_STEPS. None: it is not there.

        It raises CannotFind for a value that does not fit, and TooManySteps. With `keeps_nulls` a projection has a
        null for each item that it finds nothing in, so that no item is lost unseen.
        """
        if self.key is not None:
            key = self.key
            return lambda value: value.get(key) if isinstance(value, dict) else None
        return Interpreter(self, keeps_nulls=keeps_nulls).find if self.tree else lambda value: None


def trouble(error: exceptions.ParseError, text: str) -> str:
    """What is wrong with an expression, and where, in a sentence."""
    place = error.lex_position
    if isinstance(error, exceptions.IncompleteExpressionError) or place >= len(text):
        return _("The expression is not complete.")
    shown = {"place": place + 1, "mark": text[place], "rest": text[place : place + MAX_REST]}
    if isinstance(error, exceptions.LexerError) and str(error.message).startswith("Unclosed"):
        return _("The expression has a %(mark)s at character %(place)s that is never closed.") % shown
    if text[place] == "$":  # as JSONPath has it, which many know
        return (
            _(
                "The expression is not valid at character %(place)s (%(rest)s). JMESPath has no $: leave it out, "
                "as in export.participants."
            )
            % shown
        )
    return _("The expression is not valid at character %(place)s (%(rest)s).") % shown


def check(node: Any) -> None:
    """Raises BadSyntax for a function that is not offered, or has too many or too few arguments, and for `&`."""
    if node["type"] == "function_expression":
        name, given = node["value"], len(node["children"])
        if name not in FUNCTIONS:
            raise BadSyntax(
                _("There is no function %(name)s(). Use one of %(functions)s.")
                % {"name": name, "functions": ", ".join(FUNCTIONS)}
            )
        asked = Offered.FUNCTION_TABLE[name]["signature"]
        is_variadic = bool(asked[-1].get("variadic"))
        if given < len(asked) or (given > len(asked) and not is_variadic):
            raise BadSyntax(wrong_number(len(asked), is_variadic) % {"name": name, "count": len(asked), "given": given})
    if node["type"] == "expref":
        raise BadSyntax(_("The sign & cannot be used: no function accepts an expression."))
    for child in node["children"]:
        if isinstance(child, dict):  # those of a slice are numbers
            check(child)


def wrong_number(count: int, is_variadic: bool) -> str:
    """What is said of a function with too many or too few arguments."""
    if is_variadic:
        return ngettext(
            "The function %(name)s() needs at least %(count)s argument, but it has %(given)s.",
            "The function %(name)s() needs at least %(count)s arguments, but it has %(given)s.",
            count,
        )
    return ngettext(
        "The function %(name)s() needs %(count)s argument, but it has %(given)s.",
        "The function %(name)s() needs %(count)s arguments, but it has %(given)s.",
        count,
    )


class Interpreter(TreeInterpreter):
    """Finds one expression in values, and counts the steps."""

    def __init__(self, expression: Expression, *, keeps_nulls: bool) -> None:
        super().__init__(Options(custom_functions=Offered(self)))
        self.expression = expression
        self.keeps_nulls = keeps_nulls
        self.steps_left = MAX_STEPS

    def find(self, value: Any) -> Any:
        """Raises CannotFind and TooManySteps. A whole number that was counted comes out as if it had been written."""
        try:
            found = self.visit(self.expression.tree, value)
        except CannotFind:
            raise
        except RecursionError:
            raise CannotFind("FIELD_TOO_DEEP") from None
        except (TypeError, ValueError, ArithmeticError):
            raise CannotFind("FIELD_NO_FIT") from None
        return Number(found) if type(found) is int else found

    def spend(self, steps: int) -> None:
        self.steps_left -= steps
        if self.steps_left < 0:
            raise TooManySteps(str(self.expression))

    def visit(self, node: Any, value: Any) -> Any:
        self.steps_left -= 1
        if self.steps_left < 0:
            raise TooManySteps(str(self.expression))
        return super().visit(node, value)

    def visit_field(self, node: Any, value: Any) -> Any:
        if isinstance(value, RepeatedKeys) and node["value"] in value.repeated:
            raise CannotFind("FIELD_TWICE")
        return value.get(node["value"]) if isinstance(value, dict) else None

    def visit_value_projection(self, node: Any, value: Any) -> Any:
        """`*`. Its children are the object and what is wanted of each value."""
        base, wanted = node["children"]
        found = unambiguous(self.visit(base, value))
        if not isinstance(found, dict):
            return None
        return self.projected(wanted, found.values())

    def visit_projection(self, node: Any, value: Any) -> Any:
        """`[*]` and what follows `[]`. Its children are the list and what is wanted of each item."""
        base, wanted = node["children"]
        found = self.visit(base, value)
        return self.projected(wanted, found, type(found)) if isinstance(found, list) else None

    def visit_filter_projection(self, node: Any, value: Any) -> Any:
        """`[?...]`. What it leaves out is left out: that is its choice."""
        base, wanted, condition = node["children"]
        found = self.visit(base, value)
        if not isinstance(found, list):
            return None
        return self.projected(wanted, (item for item in found if not is_false(self.as_usual(condition, item))))

    def projected(self, wanted: Any, items: Iterable[Any], as_it_is: type[list[Any]] = list) -> list[Any]:
        """Where all is taken `as_it_is`, a null was there before, and means what it meant."""
        wishes = (self.visit(wanted, item) for item in items)
        found = [wish for wish in wishes if self.keeps_nulls or wish is not None]
        return as_it_is(found) if wanted["type"] == "identity" else Projected(found)

    def visit_multi_select_list(self, node: Any, value: Any) -> Any:
        found = super().visit_multi_select_list(node, value)
        return found if found is None else Chosen(found)

    def visit_multi_select_dict(self, node: Any, value: Any) -> Any:
        """`{...}` puts one entry together: the lists in it are no lists of entries."""
        return self.as_usual(node, value, super().visit_multi_select_dict)

    def visit_or_expression(self, node: Any, value: Any) -> Any:
        """A list that nothing was found for is false, with its nulls as without them."""
        left, right = node["children"]
        found = self.visit(left, value)
        is_empty = self.keeps_nulls and isinstance(found, list) and all(item is None for item in found)
        return self.visit(right, value) if is_empty or is_false(found) else found

    def as_usual(self, node: Any, value: Any, visit: Callable[[Any, Any], Any] | None = None) -> Any:
        """Without the nulls of projections."""
        before, self.keeps_nulls = self.keeps_nulls, False
        try:
            return (visit or self.visit)(node, value)
        finally:
            self.keeps_nulls = before

    def visit_flatten(self, node: Any, value: Any) -> Any:
        found = self.visit(node["children"][0], value)
        if not isinstance(found, list):
            return None
        self.spend(len(found) + sum(len(item) for item in found if isinstance(item, list)))
        if self.keeps_nulls and found:
            found = without_missing_lists(found)
            if not found:
                return None
        return [each for item in found for each in (item if isinstance(item, list) else [item])]

    def visit_slice(self, node: Any, value: Any) -> Any:
        if not isinstance(value, list):
            return None
        self.spend(len(value))
        found = super().visit_slice(node, value)
        return type(value)(found) if isinstance(value, (Chosen, Projected)) else found

    def visit_comparator(self, node: Any, value: Any) -> Any:
        left, right = (self.visit(child, value) for child in node["children"])
        if node["value"] in ("eq", "ne"):
            return self.equal(left, right) is (node["value"] == "eq")
        if kind(left) != kind(right) or kind(left) not in ("number", "string"):
            return None
        return COMPARISONS[node["value"]](self.rank(left), self.rank(right))

    def equal(self, left: Any, right: Any) -> bool:
        """As JSON: 75 equals 75.0, and true is not 1."""
        self.spend(1)
        what = kind(left)
        if what != kind(right):
            return False
        if what in ("number", "string"):
            return bool(self.rank(left) == self.rank(right))
        if what == "array":
            return len(left) == len(right) and all(map(self.equal, left, right))
        if what == "object":
            return unambiguous(left).keys() == unambiguous(right).keys() and all(
                self.equal(item, right[key]) for key, item in left.items()
            )
        return bool(left == right)

    def rank(self, value: Any) -> Any:
        """What a number or a text is compared by."""
        text = str(value)
        self.spend(len(text) // CHARACTERS_A_STEP)
        return Decimal(text) if kind(value) == "number" else text


COMPARISONS = {"lt": operator.lt, "lte": operator.le, "gt": operator.gt, "gte": operator.ge}


class Offered(Functions):
    """The functions that are offered. What they are given is charged by its size."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter

    def call_function(self, function_name: str, resolved_args: Iterable[Any]) -> Any:
        arguments = list(resolved_args)
        asked = self.FUNCTION_TABLE[function_name]["signature"]
        for place, given in enumerate(arguments):
            types = asked[min(place, len(asked) - 1)]["types"]
            if types and kind(given) not in types:
                raise CannotFind("FIELD_NO_ARGUMENT", function=function_name, found=found_kind(given))
            self.interpreter.spend(size(unambiguous(given)))
        return self.FUNCTION_TABLE[function_name]["function"](self, *arguments)

    @signature({"types": ["array", "string"]}, {"types": []})
    def _func_contains(self, subject: Any, search: Any) -> bool:
        if isinstance(subject, str):
            return kind(search) == "string" and search in subject
        return any(self.interpreter.equal(item, search) for item in subject)

    @signature({"types": ["string"]}, {"types": ["array"]})
    def _func_join(self, separator: str, array: list[Any]) -> str:
        for item in array:
            if kind(item) != "string":
                raise CannotFind("FIELD_JOIN", found=found_kind(item))
            self.interpreter.spend((len(item) + len(separator)) // CHARACTERS_A_STEP)
        return separator.join(array)

    @signature({"types": []})
    def _func_to_string(self, given: Any) -> str | None:
        """Null stays null: no one means a grade of `null`."""
        if given is None:
            return None
        if kind(given) not in ("number", "string"):
            raise CannotFind("FIELD_NO_ARGUMENT", function="to_string", found=found_kind(given))
        return str(given)

    @signature({"types": []})
    def _func_to_number(self, given: Any) -> Number | None:
        return Number(given) if kind(given) in ("number", "string") and NUMBER.fullmatch(str(given)) else None

    @signature({"types": ["object"]})
    def _func_items(self, given: dict[str, Any]) -> list[Any]:
        """Of an object that is keyed by user ids: the keys are nowhere else."""
        return [[key, value] for key, value in given.items()]
