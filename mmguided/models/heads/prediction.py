"""Prediction layers on a decoder's hidden states, and the loss of what they predict."""
from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError

from ..losses import masked_mean, patch_errors

_XAVIER = dict(type='Xavier', layer='Linear', distribution='uniform')


@MODELS.register_module()
class PredictionHead(BaseModule):
    """A linear layer that predicts the values of every patch from a hidden state of a decoder.

    Several heads may read one decoder. The output of its last block is normalized by the decoder,
    if at all; a head that reads another block has a norm of its own.

    Args:
        in_dims: Width of the hidden states; algorithms fill in their decoder's.
        out_dims: Values to predict per patch; algorithms fill in their target's.
        depth: Number of the decoder's blocks; algorithms fill in their decoder's.
        block: Read the output of this block, counted from 1; None reads that of the last.
        init_cfg: As in every MMEngine module; by default MAE's initialization.
    """

    def __init__(self,
                 in_dims: int,
                 out_dims: int,
                 depth: int,
                 block: int | None = None,
                 init_cfg: dict | None = _XAVIER) -> None:
        super().__init__(init_cfg)
        if block is not None and not 0 < block <= depth:
            raise ConfigError(f'{type(self).__name__}: block={block} is out of range, the decoder '
                              f'has blocks 1..{depth}')
        self.block = depth if block is None else block
        self.norm = nn.LayerNorm(in_dims, eps=1e-6) if self.block < depth else nn.Identity()
        self.decoder_pred = nn.Linear(in_dims, out_dims)

    def predict(self, states: Sequence[Tensor]) -> Tensor:
        """Values of all patches ``(B, L, out_dims)``, from a decoder's states."""
        return self.decoder_pred(self.norm(states[self.block]))


@MODELS.register_module()
class ReconstructionHead(PredictionHead):
    """Predicts targets, and compares them on the masked patches.

    Args:
        loss: Error of a value, 'l2' for its square, 'l1' for its absolute value.
        loss_weight: Factor of the loss.
        reduction: 'mean' or 'sum' of the errors of a patch's values.
        **kwargs: Arguments of :class:`PredictionHead`.
    """

    def __init__(self,
                 loss: str = 'l2',
                 loss_weight: float = 1.0,
                 reduction: str = 'mean',
                 **kwargs) -> None:
        super().__init__(**kwargs)
        if loss not in ('l1', 'l2'):
            raise ConfigError(f"head.loss={loss!r}: choose 'l1' or 'l2'")
        if reduction not in ('mean', 'sum'):
            raise ConfigError(f"head.reduction={reduction!r}: choose 'mean' or 'sum'")
        self.loss = loss
        self.reduction = reduction
        self.loss_weight = loss_weight

    def errors(self, states: Sequence[Tensor], target: Tensor) -> Tensor:
        """Error of each patch, ``(B, L)``, against targets ``(B, L, out_dims)``."""
        return patch_errors(self.predict(states), target, self.loss, self.reduction)

    def mean(self, errors: Tensor, weights: Tensor) -> Tensor:
        """Loss from the patches' errors and weights, ``(B, L)`` each."""
        return self.loss_weight * masked_mean(errors, weights)

    def forward(self, states: Sequence[Tensor], target: Tensor, mask: Tensor) -> Tensor:
        """Loss against targets ``(B, L, out_dims)`` where ``mask (B, L)`` is 1."""
        return self.mean(self.errors(states, target), mask)
