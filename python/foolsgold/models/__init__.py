"""Text encoders: the model, the modules it is made of, and their folder on disk.

| Name | What it is |
|---|---|
| `SentenceTransformer` | the model: modules one after the other, `encode`, `save` |
| `Transformer` | texts to token embeddings, by a `transformers` model |
| `StaticEmbedding` | texts to sentence embeddings, as the mean of token embeddings |
| `Pooling` | token embeddings to one sentence embedding |
| `Normalize` | sentence embeddings to length 1 |

`transformers` is imported when a `Transformer` is made.
"""

from foolsgold.models.normalize import Normalize
from foolsgold.models.pooling import Pooling
from foolsgold.models.sentence_transformer import SentenceTransformer
from foolsgold.models.static_embedding import StaticEmbedding
from foolsgold.models.transformer import Transformer

__all__ = ["Normalize", "Pooling", "SentenceTransformer", "StaticEmbedding", "Transformer"]
