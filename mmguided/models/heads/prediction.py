"""Prediction and reconstruction heads."""
from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmguided.registry import MODELS
from mmguided.utils.errors import ConfigError

from ..losses import masked_mean

_XAVIER = dict(type='Xavier', layer='Linear', distribution='uniform')


@MODELS.register_module()
class PredictionHead(BaseModule):
    """Linear layer that predicts the values of every patch from a decoder's hidden state.

    Several heads can read one decoder. A head that reads an intermediate block has its own norm.

    Args:
        in_dims: Width of the hidden states; set by the algorithm.
        out_dims: Predicted values per patch; set by the algorithm.
        depth: Number of decoder blocks; set by the algorithm.
        block: Decoder block to read, counted from 1; None means the last block.
        init_cfg: MMEngine initialization config; MAE's by default.
    """

    def __init__(self,
                 in_dims: int,
                 out_dims: int,
                 depth: int,
                 block: int | None = None,
                 init_cfg: dict | None = _XAVIER) -> None:
        super().__init__(init_cfg)
        if block is not None and not 0 < block <= depth:
            raise ConfigError(
                f'{type(self).__name__}.block={block}: out of range. Choose from 1..{depth}.')
        self.block = depth if block is None else block
        self.norm = nn.LayerNorm(in_dims, eps=1e-6) if self.block < depth else nn.Identity()
        self.decoder_pred = nn.Linear(in_dims, out_dims)

    def predict(self, states: Sequence[Tensor]) -> Tensor:
        """Predictions of all patches ``(B, L, out_dims)`` from a decoder's hidden states."""
        return self.decoder_pred(self.norm(states[self.block]))


@MODELS.register_module()
class ReconstructionHead(PredictionHead):
    """Prediction head with a reconstruction loss on the masked patches.

    Args:
        loss: 'l2' for squared errors (MAE; ccMIM Eq. 9; CMAE Eq. 5), 'l1' for absolute errors
            (SimMIM).
        loss_weight: Loss weight.
        reduction: 'mean' or 'sum' (CMT-MAE Eq. 2 and 4) over the values of a patch.
        **kwargs: Arguments of :class:`PredictionHead`.
    """

    def __init__(self,
                 loss: str = 'l2',
                 loss_weight: float = 1.0,
                 reduction: str = 'mean',
                 **kwargs) -> None:
        super().__init__(**kwargs)
        if loss not in ('l1', 'l2'):
            raise ConfigError(f"head.loss={loss!r}: unknown. Choose 'l1' or 'l2'.")
        if reduction not in ('mean', 'sum'):
            raise ConfigError(f"head.reduction={reduction!r}: unknown. Choose 'mean' or 'sum'.")
        self.loss = loss
        self.reduction = reduction
        self.loss_weight = loss_weight

    def errors(self, states: Sequence[Tensor], target: Tensor) -> Tensor:
        """Errors per patch, ``(B, L)``, float32, for targets ``(B, L, out_dims)``."""
        difference = self.predict(states).float() - target.float()
        errors = difference.square() if self.loss == 'l2' else difference.abs()
        return errors.mean(dim=-1) if self.reduction == 'mean' else errors.sum(dim=-1)

    def forward(self, states: Sequence[Tensor], target: Tensor, mask: Tensor) -> Tensor:
        """Loss for targets ``(B, L, out_dims)`` on patches where ``mask (B, L)`` is 1."""
        return self.loss_weight * masked_mean(self.errors(states, target), mask)
