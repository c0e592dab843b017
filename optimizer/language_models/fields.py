"""The keys of a configuration, read one by one: every value is checked, and messages name the file and the key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from optimizer.errors import SpecError

MOST = 10**8
"""Largest width, count or extent of a configuration."""
MOST_LAYERS = 10**4
"""Most layers of a stack: each of them is made."""


@dataclass(frozen=True)
class Fields:
    """The keys of one configuration; ``null`` counts as missing. ``file`` is where it was read, for messages."""

    data: Mapping[str, object]
    file: str | None = None

    def given(self, *keys: str) -> str | None:
        """The first of these keys that has a value."""
        return next((key for key in keys if self.data.get(key) is not None), None)

    def integer(self, *keys: str, default: int | None = None, least: int = 1, most: int = MOST) -> int:
        """The integer under the first of these keys that has a value.

        Raises
        ------
        SpecError
            If there is none and no default, or it is no integer from `least` to `most`.
        """
        key = self.given(*keys)
        if key is None:
            if default is None:
                raise self.missing(*keys)
            return default
        return self._whole(key, self.data[key], least, most)

    def layers(self, *keys: str) -> int:
        """How many layers a stack has."""
        return self.integer(*keys, most=MOST_LAYERS)

    def optional_integer(self, *keys: str) -> int | None:
        """The positive integer under one of these keys, or None."""
        return None if self.given(*keys) is None else self.integer(*keys)

    def integers(self, key: str, *, length: int | None = None, most: int = MOST) -> tuple[int, ...]:
        """A list of positive integers up to `most`, of this length where one is stated."""
        value = self.data.get(key)
        if value is None:
            raise self.missing(key)
        if not isinstance(value, Sequence) or isinstance(value, str) or not value:
            raise self.wrong(key, "a list of integers")
        if length is not None and len(value) != length:
            raise self.wrong(key, f"a list of {length} integers")
        return tuple(self._whole(key, entry, 1, most) for entry in value)

    def flag(self, key: str, *, default: bool) -> bool:
        """True or false."""
        value = self.data.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.wrong(key, "true, false")
        return value

    def name(self, *keys: str, allowed: Sequence[str], default: str | None = None) -> str:
        """One of the allowed names."""
        key = self.given(*keys)
        if key is None:
            if default is None:
                raise self.missing(*keys)
            return default
        value = self.data[key]
        if not isinstance(value, str) or value not in allowed:
            raise self.wrong(key, ", ".join(allowed))
        return value

    def names(self, key: str, *, length: int, allowed: Sequence[str]) -> tuple[str, ...] | None:
        """A list of allowed names, or None where nothing is said."""
        value = self.data.get(key)
        if value is None:
            return None
        if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != length:
            raise self.wrong(key, f"a list of {length} names")
        for entry in value:
            if entry not in allowed:
                raise self.wrong(key, f"{length} of {', '.join(allowed)}")
        return tuple(value)

    def ratio(self, key: str, *, default: int) -> int:
        """A whole number that may be written as a decimal, as in ``4.0``."""
        value = self.data.get(key, default)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        return self._whole(key, value, 1, MOST)

    def fixed(self, key: str, *allowed: object) -> None:
        """Refuse a key whose value is none of what is supported; a missing key is allowed."""
        if self.data.get(key) is not None and self.data[key] not in allowed:
            raise self.wrong(key, ", ".join(map(str, allowed)) or "null")

    def missing(self, *keys: str) -> SpecError:
        """The error of a key that must be there."""
        return SpecError(
            "the configuration lacks a key",
            file=self.file,
            field=keys[0],
            allowed=" or ".join(keys),
            remedy="add the key with the value that the model was made with",
        )

    def wrong(self, key: str, allowed: str, problem: str = "not a value that is supported") -> SpecError:
        """The error of a value."""
        return SpecError(
            problem,
            file=self.file,
            field=key,
            value=self.data.get(key),
            allowed=allowed,
            remedy="check the configuration",
        )

    def divided(self, key: str, divisor_key: str, value: int, divisor: int) -> int:
        """The quotient of two values that must divide.

        Raises
        ------
        SpecError
            If a remainder is left.
        """
        if value % divisor:
            raise self.wrong(key, f"multiples of {divisor_key} ({divisor})", "the value does not divide")
        return value // divisor

    def _whole(self, key: str, value: object, least: int, most: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self.wrong(key, f"integers from {least} to {most}", "the value is out of range")
        return value
