"""Rows of text from rows of ids: mining writes what `foolsgold.data` holds."""

from foolsgold.data.id_rows import Column, Rows

__all__ = ["Column", "Rows"]
