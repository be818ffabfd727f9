"""Several losses on one embedding of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from torch import Tensor, nn

from foolsgold.losses.base import EmbeddingLoss
from foolsgold.losses.modifier import check_embeds_as_base, check_modifiable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from foolsgold.losses.modifier import Outcome
    from foolsgold.losses.parts.batch import BatchInfo


def weighted_sum_loss(
    outcomes: Mapping[str, Outcome], *, weights: Mapping[str, float] | None = None
) -> dict[str, Tensor]:
    """Weigh losses and name their components; the sum of these is at `WeightedSumLoss`.

    Shape:
        outcomes are (), or named components, each (); returns named components, each ().

    Args:
        outcomes: by the names of losses.
        weights: by the same names; None for 1.

    Returns:
        Components by the names of losses, or by `loss/component`.
    """
    components: dict[str, Tensor] = {}
    for name, outcome in outcomes.items():
        weight = 1.0 if weights is None else weights[name]
        if isinstance(outcome, dict):
            components.update({f"{name}/{part}": weight * value for part, value in outcome.items()})
        else:
            components[name] = weight * outcome
    return components


class WeightedSumLoss(EmbeddingLoss):
    r"""Add several losses on one batch, whose texts are embedded once for all of them.

    For a contrastive loss and the scores of a teacher on the same rows, say. All losses get all columns and
    the labels, which those without a use for them ignore; the batch sampler is the one that the pickiest of
    them wants.

    Math:
        $$ L = \sum_k w_k \ell_k $$

    Shape:
        columns and labels as all of `losses` take them, each column (B, D); returns a dict of the components
        $w_k \ell_k$, each (), by name; those of a loss that has components itself are `name/component`.

    Args:
        model: the encoder; the one of all `losses`.
        losses: $\ell_k$ by name; each takes one embedding per text.
        weights: $w_k$ by the same names; None for 1.

    Raises:
        TypeError: one of `losses` is no `EmbeddingLoss`, or embeds in its own way.
        ValueError: no losses at all, weights of other names, or a loss around another model.

    Reference:
        Wang et al. 2022, "Text Embeddings by Weakly-Supervised Contrastive Pre-training",
        https://arxiv.org/abs/2212.03533, section 4.2, adds a contrastive loss and one of distillation.

    See Also:
        `MatryoshkaLoss` and `AdaptiveLayerLoss`, which apply such a sum as they do any loss.
    """

    def __init__(
        self,
        model: nn.Module,
        losses: Mapping[str, EmbeddingLoss],
        weights: Mapping[str, float] | None = None,
    ) -> None:
        if not losses:
            raise ValueError("`losses` must name at least one loss, got none")
        for name, loss in losses.items():
            check_modifiable(loss, model, f"losses[{name!r}]")
            check_embeds_as_base(loss, f"losses[{name!r}]")
        weights = dict.fromkeys(losses, 1.0) if weights is None else dict(weights)
        if weights.keys() != losses.keys():
            raise ValueError(f"`weights` must be of {list(losses)}, got {list(weights)}")
        super().__init__(model)
        self.losses = nn.ModuleDict(losses)
        self.weights = weights
        members = list(losses.values())
        self.inputs = ", and ".join(dict.fromkeys(loss.inputs for loss in members))
        self.labels = (
            ", and ".join(dict.fromkeys(loss.labels for loss in members if loss.labels != "none")) or "none"
        )
        self.weighs_rows = all(loss.weighs_rows for loss in members)
        self.mask_by_identity = any(loss.mask_by_identity for loss in members)
        self.labels_are_embeddings = any(loss.labels_are_embeddings for loss in members)
        self.chunk_size = next((loss.chunk_size for loss in members if loss.chunk_size is not None), None)

    def compute(self, embeddings: list[Tensor], labels: Tensor | None, batch: BatchInfo) -> dict[str, Tensor]:
        """Compute every loss, weighted."""
        outcomes = {
            name: cast("EmbeddingLoss", loss).compute(embeddings, labels, batch)
            for name, loss in self.losses.items()
        }
        return weighted_sum_loss(outcomes, weights=self.weights)

    def get_config_dict(self) -> dict[str, Any]:
        """Map the name of each constructor argument to its stored value, losses by name of class."""
        return {
            "losses": {name: type(loss).__name__ for name, loss in self.losses.items()},
            "weights": self.weights,
        }

    @property
    def citation(self) -> str:
        """BibTeX of the papers behind the loss."""
        own = """@misc{wang2022e5,
    title={Text Embeddings by Weakly-Supervised Contrastive Pre-training},
    author={Liang Wang and Nan Yang and Xiaolong Huang and Binxing Jiao and Linjun Yang and Daxin Jiang and
        Rangan Majumder and Furu Wei},
    year={2022}, eprint={2212.03533}, archivePrefix={arXiv}, primaryClass={cs.CL}
}"""
        theirs = (cast("EmbeddingLoss", loss).citation for loss in self.losses.values())
        return "\n".join(dict.fromkeys(citation for citation in (own, *theirs) if citation))
