"""Texts that show where Python compares them."""

from __future__ import annotations


class Refusing(str):
    """A text that cannot be compared or hashed in Python."""

    def __eq__(self, other):
        raise AssertionError("a text was compared")

    def __hash__(self):
        raise AssertionError("a text was hashed")
