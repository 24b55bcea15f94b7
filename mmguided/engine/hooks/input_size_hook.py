"""No silent run at another resolution."""
from mmengine.hooks import Hook
from mmengine.utils import to_2tuple

from mmguided.registry import HOOKS
from mmguided.utils.errors import ConfigError
from mmguided.utils.modules import unwrap_ddp


@HOOKS.register_module()
class InputSizeHook(Hook):
    """Stops when the pipeline gives images of another size than ``model.backbone.img_size``.

    Position embeddings are resized to whatever comes, so that training and evaluation would go on
    at the wrong resolution and report a number. Detectors and segmentors, which take any size, go
    without this hook.

    Args:
        any_size: Let images of any size pass.

    Raises:
        ConfigError: At the first batch, naming both sizes.
    """

    def __init__(self, any_size: bool = False) -> None:
        self.any_size = any_size

    def before_train_iter(self, runner, batch_idx: int, data_batch: dict | None = None) -> None:
        self._check(runner, data_batch, 'train_dataloader')

    def before_val_iter(self, runner, batch_idx: int, data_batch: dict | None = None) -> None:
        self._check(runner, data_batch, 'val_dataloader')

    def before_test_iter(self, runner, batch_idx: int, data_batch: dict | None = None) -> None:
        self._check(runner, data_batch, 'test_dataloader')

    def _check(self, runner, data_batch: dict, loader: str) -> None:
        model = unwrap_ddp(runner.model)
        img_size = getattr(getattr(model, 'backbone', None), 'img_size', None)
        if img_size is None or self.any_size:
            return
        inputs = data_batch['inputs']  # a tensor, or a list of images or of views
        height, width = (inputs if hasattr(inputs, 'shape') else inputs[0]).shape[-2:]
        expected = to_2tuple(img_size)
        if (height, width) != expected:
            raise ConfigError(
                f'model.backbone.img_size={expected}, and {loader}.dataset.pipeline gives images '
                f'of {(height, width)}: change one of the two; if any size is meant, set '
                '`--cfg-options default_hooks.input_size.any_size=True`')
