"""The README.md of a saved model: what it is made of and how to use it, and nothing that is not known."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from foolsgold.models.sentence_transformer import SentenceTransformer

_CARD = """\
---
library_name: sentence-transformers
pipeline_tag: sentence-similarity
tags:
- sentence-transformers
- sentence-similarity
- feature-extraction
- foolsgold
---

# Text embedding model

Maps a text to {dimension} numbers; close texts have a high {similarity} similarity.

| | |
|---|---|
| Modules | {modules} |
| Dimensions | {dimension} |
| Tokens per text, at most | {max_seq_length} |
| Similarity | {similarity} |
| Prompts | {prompts} |

```python
from foolsgold import SentenceTransformer  # or: from sentence_transformers import SentenceTransformer

model = SentenceTransformer("path/to/this/folder")
queries = model.encode_query(["a question"])
documents = model.encode_document(["an answer", "something else"])
scores = model.similarity(queries, documents)
```
"""


def model_card(model: SentenceTransformer) -> str:
    """Return the text of the card."""
    limit = model.max_seq_length
    return _CARD.format(
        dimension=model.get_embedding_dimension(),
        similarity=model.similarity_fn_name,
        modules=", ".join(type(module).__name__ for module in model),
        max_seq_length=f"{limit:,}" if limit < math.inf else "no limit",
        prompts=", ".join(f"{name}: `{text}`" for name, text in model.prompts.items() if text) or "none",
    )
