"""What a check must find, by naive loops over rows of Python values."""

import unicodedata
from collections import Counter, defaultdict


def normal(text):
    """NFKC, case folded, runs of white space as one; until nothing changes."""
    while True:
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
        form = " ".join(folded.split())
        if form == text:
            return form
        text = form


def is_blank(text):
    hidden = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
    return all(
        letter.isspace() or unicodedata.category(letter) == "Cc" or letter in hidden for letter in text
    )


def texts_of(cell):
    """The texts of a cell, with nulls."""
    return cell if isinstance(cell, list) else [cell]


def frozen(cell):
    return tuple(cell) if isinstance(cell, list) else cell


def folded(cell):
    if isinstance(cell, list):
        return tuple(None if text is None else normal(text) for text in cell)
    return None if cell is None else normal(cell)


def counts(rows, anchor, positives=(), negatives=(), label=None):
    """How many of each (rule, column) there are; the column of a rule of whole rows is None."""
    found = Counter()
    names = [anchor, *positives, *negatives]
    every = [*names, *([label] if label else [])]
    for name in every:
        for row in rows:
            cell = row[name]
            found["null", name] += cell is None
            if isinstance(cell, list):
                found["null", name] += sum(item is None for item in cell)
                found["empty-list" if name in positives else "no-negatives", name] += not cell
            if name in names:
                present = [text for text in texts_of(cell) if text is not None]
                found["blank", name] += sum(map(is_blank, present))
    found["duplicate-row", None], found["twin-row", None] = copies(rows, names, label)
    for name in names:
        tally = Counter(text for row in rows for text in texts_of(row[name]) if text is not None)
        found["repeated-text", name] += sum(
            any(tally[text] > 1 for text in texts_of(row[name])) for row in rows
        )
    forms = defaultdict(set)
    for row in rows:
        for name in names:
            for text in texts_of(row[name]):
                if text is not None:
                    forms[normal(text)].add(text)
    found["twin-text", None] = sum(len(texts) - 1 for texts in forms.values())
    negatives_of(found, rows, anchor, positives, negatives)
    if label and not negatives:
        contradictions(found, rows, names, label)
    return {key: count for key, count in found.items() if count}


def copies(rows, names, label):
    seen, forms, same, twins = set(), set(), 0, 0
    for row in rows:
        end = (row[label],) if label else ()
        key = (*(frozen(row[name]) for name in names), *end)
        form = (*(folded(row[name]) for name in names), *end)
        same += key in seen
        twins += key not in seen and form in forms
        seen.add(key)
        forms.add(form)
    return same, twins


def negatives_of(found, rows, anchor, positives, negatives):
    known, forms = set(), set()
    for row in rows:
        for name in positives:
            for text in texts_of(row[name]):
                if None not in (text, row[anchor]):
                    known.add((row[anchor], text))
                    forms.add((normal(row[anchor]), normal(text)))
    for row in rows:
        if row[anchor] is None:
            continue
        for name in negatives:
            for text in texts_of(row[name]):
                if text is not None:
                    exact = (row[anchor], text) in known
                    twin = (normal(row[anchor]), normal(text)) in forms
                    found["positive-in-negatives", name] += exact
                    found["twin-in-negatives", name] += twin and not exact
        for rule, columns in [("anchor-is-positive", positives), ("anchor-is-negative", negatives)]:
            for name in columns:
                same = [
                    text is not None and normal(text) == normal(row[anchor]) for text in texts_of(row[name])
                ]
                found[rule, name] += any(same)


def contradictions(found, rows, names, label):
    first = {}
    for row in rows:
        key = tuple(frozen(row[name]) for name in names)
        kept = first.setdefault(key, row[label])
        complete = None not in (row[label], kept) and not any(row[name] is None for name in names)
        found["contradiction", label] += complete and row[label] != kept
