"""Rows of ids made from other rows of ids, one conversion a file, each named output-from-input.

`Lists`, documents by anchor, is what all shapes of anchors and documents have in common: each shape becomes
lists and lists become each shape, so that any becomes any other. Texts play no part.
"""
