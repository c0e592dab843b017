"""What a YAML file may not do: grow by its aliases, nest without end, or say numbers and tags that mislead."""

from __future__ import annotations

import re

import yaml

from optimizer.errors import SpecError
from optimizer.files.numbers import MOST_DIGITS

MOST_DEPTH = 100
"""Lists and mappings inside of each other."""
MOST_REPEATED = 100_000
"""Values that aliases repeat, in a whole file."""
MERGE = "tag:yaml.org,2002:merge"
_BEYOND = 10**18
"""Sizes are not counted further."""
_STANDARD = "tag:yaml.org,2002:"
_PLAIN_TAGS = {*(_STANDARD + name for name in ("map", "seq", "str", "int", "bool", "null")), "!exact", MERGE}
_WORDS = {
    f"{_STANDARD}bool": {"yes", "no", "true", "false", "on", "off"},
    f"{_STANDARD}null": {"", "~", "null"},
}
_DECIMAL_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")


def place(mark: yaml.Mark) -> str:
    """Where something is in a file."""
    return f"line {mark.line + 1}, column {mark.column + 1}"


def refused(problem: str, node: yaml.Node, value: object, allowed: str, remedy: str) -> SpecError:
    """An error about a part of the file."""
    return SpecError(problem, field=place(node.start_mark), value=value, allowed=allowed, remedy=remedy)


def check_nodes(root: yaml.Node) -> None:
    """Refuse a document that misleads, or that is far larger than its text.

    Raises
    ------
    SpecError
        With the place, the value and what is allowed.
    """
    sizes: dict[int, int] = {}
    inside: set[int] = set()
    written = 0
    waiting: list[tuple[yaml.Node, bool]] = [(root, False)]
    while waiting:
        node, done = waiting.pop()
        if done:
            inside.discard(id(node))
            sizes[id(node)] = min(1 + sum(sizes[id(part)] for part in _parts(node)), _BEYOND)
        elif id(node) in inside:
            raise refused(
                "a value contains itself", node, None, "values that end", "write the value without an alias of itself"
            )
        elif id(node) not in sizes:
            written += 1
            inside.add(id(node))
            check_tag(node)
            if len(inside) > MOST_DEPTH:
                raise refused(
                    "lists and mappings are nested too deeply", node, None, f"{MOST_DEPTH} levels", "mend the brackets"
                )
            waiting.append((node, True))
            waiting += [(part, False) for part in _parts(node)]
    if sizes[id(root)] > written + MOST_REPEATED:
        raise refused(
            "aliases repeat too many values",
            root,
            f"{written} written values, repeated to {sizes[id(root)]}",
            f"{MOST_REPEATED} repeated values in a file",
            "write out what is meant, or remove aliases (*name)",
        )


def _parts(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def check_tag(node: yaml.Node) -> None:
    """Refuse a tag that no field of ours has, values that are not of their tag, and numbers that mislead."""
    if node.tag not in _PLAIN_TAGS:
        name = str(node.tag).replace(_STANDARD, "!!")
        raise refused(
            f"not valid here: the tag {name}",
            node,
            node.value if isinstance(node, yaml.ScalarNode) else name,
            "mappings, lists, text, numbers, true, false and null",
            "remove the tag; put text that looks like something else, such as a date, into quotes",
        )
    if node.tag == f"{_STANDARD}int":
        _check_integer(node)
    words = _WORDS.get(node.tag)
    if words is not None and (not isinstance(node, yaml.ScalarNode) or node.value.lower() not in words):
        name = str(node.tag).replace(_STANDARD, "!!")
        raise refused(
            f"not valid: no value of the tag {name}", node, node.value, ", ".join(sorted(words)), "remove the tag"
        )


def _check_integer(node: yaml.Node) -> None:
    """An integer in decimal digits alone, and not too many."""
    text = str(node.value)
    if not _DECIMAL_INTEGER.fullmatch(text):
        raise refused(
            "a whole number that is not in plain decimal digits",
            node,
            text,
            "decimal digits: no leading zero, no 0b, 0x or 0o, no underscore, no colon",
            "write it in decimal, or put it into quotes if it is text",
        )
    check_digits(node)


def check_digits(node: yaml.Node) -> None:
    """Refuse a number of too many digits."""
    if len(str(node.value)) > MOST_DIGITS:
        raise refused(
            "this number has too many digits",
            node,
            str(node.value),
            f"up to {MOST_DIGITS} digits",
            "leave the field out where it means 'unlimited'",
        )
