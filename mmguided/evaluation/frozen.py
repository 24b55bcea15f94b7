"""What evaluations of a frozen encoder have in common."""
from mmpretrain.models import ImageClassifier
from mmpretrain.structures import DataSample
from torch import Tensor

from mmguided.utils.checkpoints import check_backbone
from mmguided.utils.errors import ConfigError


class FrozenEncoder(ImageClassifier):
    """Base of models that use an encoder as it comes out of a checkpoint and train nothing."""

    def _load_from_state_dict(self, state_dict, prefix, *args) -> None:
        """Whoever loads, strictly or not, gets the encoder whole or a ConfigError."""
        check_backbone({prefix + name: value for name, value in self.state_dict().items()},
                       state_dict, f'{prefix}backbone.')
        super()._load_from_state_dict(state_dict, prefix, *args)

    def train(self, mode: bool = True) -> 'FrozenEncoder':
        """Stay in evaluation mode. The parameters keep ``requires_grad``, since
        DistributedDataParallel refuses a model without any; they are never trained."""
        return super().train(False)

    def loss(self, inputs: Tensor, data_samples: list[DataSample]) -> dict:
        """There is nothing to train."""
        raise ConfigError(f'{type(self).__name__} is not trained: run tools/test.py with its '
                          'config')
