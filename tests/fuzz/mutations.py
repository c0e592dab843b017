"""Mutations of bytes, of YAML and JSON texts, and of the structure of ONNX models."""

from __future__ import annotations

import json
import random
import re
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

NUMBERS = (0, 1, -1, 2, 3, 7, 16, 1000, 2**16, 2**20 + 1, 2**31 - 1, 2**31, -(2**31), 2**40, 2**62, 2**63 - 1, -(2**63))
WORDS = (
    *("", "x", "y", "a", "Conv", "MatMul", "Split", "Loop", "If", "ai.onnx", "my"),
    *("a\nb", "\x1b[31m", "../x", "é" * 40, "...", "ij,jk"),
)
TOKENS = (
    *("0", "-1", "1e999999999", "1e99_9999_999", "-1e4000", "0.1", ".nan", ".inf"),
    *("010", "1:30", "0x1f", "9" * 5000, "null", "~", "[]", "{}", "[[]]", "true", "''"),
    *("!!set {x}", "!!binary aGk=", "&a [*a]", "*a", "<<", "2026-11-30", '"\\e[31m"', "1/0", "? [a]"),
    *("1 B", "99999999999999 GiB", "1e-4000", "0.000000000000000001 GB/s"),
    *("W", "I", "O", "RF", "GLB", "DRAM", "K", "C", "conv"),
)
VALUES: tuple[Any, ...] = (
    *(0, 1, -1, 2**70, 1.5, 1e308, -0.0, float("inf"), float("nan"), None, True),
    *([], {}, [[]], {"": 1}, [0], "", "x", "1e999999999", "1/0", "-1", "7" * 5000),
    *("OPTIMAL", "INFEASIBLE", "1e4000", "1e-4000", "nan", "inf", "a\x1b[31m\nb"),
)
INTEGERS = (FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_UINT64)


def of_bytes(chance: random.Random, data: bytes) -> bytes:
    """A few bytes changed, removed, repeated or moved."""
    found = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        if not found:
            return bytes(found)
        at, length = chance.randrange(len(found)), chance.choice((1, 1, 2, 4, 8, 64))
        way = chance.randrange(5)
        if way == 0:
            found[at] ^= 1 << chance.randrange(8)
        elif way == 1:
            found[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        elif way == 2:
            del found[at : at + length]
        elif way == 3:
            found[at:at] = found[at : at + length] * chance.choice((1, 2, 8))
        else:
            other = chance.randrange(len(found))
            found[at : at + length] = found[other : other + length]
    return bytes(found)


def of_text(chance: random.Random, data: bytes) -> bytes:
    """Words and lines of a YAML text changed, removed, repeated or moved; sometimes bytes."""
    if chance.random() < 0.2:
        return of_bytes(chance, data)
    text = data.decode()
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        if chance.random() < 0.7:
            places = list(re.finditer(r"[^\s\[\]{},:]+", text))
            if places:
                place = chance.choice(places)
                text = text[: place.start()] + chance.choice((*TOKENS, chance.choice(places)[0])) + text[place.end() :]
        else:
            lines = text.split("\n")
            at = chance.randrange(len(lines))
            change = chance.randrange(3)
            lines[at : at + 1] = [[], [lines[at]] * 2, [lines[at][2:]]][change]
            text = "\n".join(lines)
    return text.encode(errors="surrogatepass")


def of_json(chance: random.Random, data: bytes) -> bytes:
    """Values of a JSON text changed, removed, repeated or moved; sometimes bytes."""
    if chance.random() < 0.1:
        return of_bytes(chance, data)
    root = json.loads(data)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        holders = [part for part in _holders(root) if part]
        if not holders:
            break
        holder, other = chance.choice(holders), chance.choice(holders)
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        key = chance.choice(keys)
        way = chance.randrange(4)
        if way == 0:
            del holder[key]
        elif way == 1:
            moved = chance.choice(list(other.values()) if isinstance(other, dict) else other)
            holder[key] = json.loads(json.dumps(moved))
        elif isinstance(holder, list) and way == 2:
            holder.insert(key, holder[key])
        else:
            holder[key] = chance.choice(VALUES)
    return json.dumps(root).encode()


def _holders(root: Any) -> list[Any]:
    """All lists and objects of parsed JSON."""
    found, waiting = [], [root]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict | list):
            found.append(part)
            waiting += part.values() if isinstance(part, dict) else part
    return found


def of_model(chance: random.Random, message: Any, others: list[Any]) -> None:
    """Fields of a model changed in place; parts of other models may be put in."""
    for _ in range(chance.choice((1, 1, 1, 2, 3, 5))):
        parts = _messages(message)
        part = chance.choice(parts)
        field = chance.choice(part.DESCRIPTOR.fields)
        way = chance.randrange(6)
        if way == 0 and part.ListFields():
            part.ClearField(chance.choice(part.ListFields())[0].name)
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            _put_message(chance, part, field, [*parts, *(one for other in others for one in _messages(other))])
        else:
            _put_value(chance, part, field if way > 2 or not part.ListFields() else chance.choice(part.ListFields())[0])


def _messages(message: Any) -> list[Any]:
    found, waiting = [], [message]
    while waiting:
        part = waiting.pop()
        found.append(part)
        for field, value in part.ListFields():
            if field.type == FieldDescriptor.TYPE_MESSAGE:
                waiting += list(value) if _repeated(field) else [value]
    return found


def _repeated(field: Any) -> bool:
    return bool(field.label == FieldDescriptor.LABEL_REPEATED)


def _put_message(chance: random.Random, part: Any, field: Any, givers: list[Any]) -> None:
    """Put a message of the right kind there, or repeat, remove or turn round those that are there."""
    same = [one for one in givers if field.message_type == one.DESCRIPTOR]
    held = getattr(part, field.name)
    if _repeated(field) and len(held) and chance.random() < 0.5:
        del held[chance.randrange(len(held))]
    elif same:
        copy = chance.choice(same).SerializeToString()
        if len(copy) < 100_000:
            (held.add() if _repeated(field) else held).MergeFromString(copy)


def _put_value(chance: random.Random, part: Any, field: Any) -> None:
    """Another number, text or list of them."""
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        return
    if field.type in INTEGERS:
        low, high = (0, 2**64 - 1) if field.type == FieldDescriptor.TYPE_UINT64 else (-(2**63), 2**63 - 1)
        if field.type == FieldDescriptor.TYPE_INT32:
            low, high = -(2**31), 2**31 - 1
        value: Any = min(max(chance.choice(NUMBERS), low), high)
    elif field.type == FieldDescriptor.TYPE_ENUM:
        value = chance.choice(field.enum_type.values).number
    elif field.type == FieldDescriptor.TYPE_STRING:
        value = chance.choice(WORDS)
    elif field.type == FieldDescriptor.TYPE_BYTES:
        value = bytes(chance.randrange(256) for _ in range(chance.choice((0, 1, 4, 7, 16))))
    else:
        value = chance.choice((0.0, -1.0, 1e30, float("nan"), float("inf")))
    if not _repeated(field):
        setattr(part, field.name, value)
        return
    held = getattr(part, field.name)
    way = chance.randrange(4)
    if way == 0 or not len(held):
        held.append(value)
    elif way == 1:
        del held[chance.randrange(len(held))]
    elif way == 2:
        held[chance.randrange(len(held))] = value
    else:
        held.extend(list(held) * chance.choice((1, 30)))
