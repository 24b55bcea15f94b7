"""Base class for evaluations of a frozen encoder."""
from mmpretrain.models import ImageClassifier

from mmguided.utils.checkpoints import check_backbone


class FrozenEncoder(ImageClassifier):
    """Base of models that evaluate a frozen encoder."""

    def _load_from_state_dict(self, state_dict, prefix, *args) -> None:
        """Require all encoder weights, even if the state dict is loaded with ``strict=False``."""
        check_backbone({prefix + name: value for name, value in self.state_dict().items()},
                       state_dict, f'{prefix}backbone.')
        super()._load_from_state_dict(state_dict, prefix, *args)

    def train(self, mode: bool = True) -> 'FrozenEncoder':
        """Stay in eval mode. Parameters keep ``requires_grad`` because DistributedDataParallel
        rejects a model without trainable parameters."""
        return super().train(False)
