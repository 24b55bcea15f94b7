"""Base class of hooks whose state is part of the checkpoint."""
from mmengine.hooks import Hook
from mmengine.utils import apply_to
from torch import Tensor


class StatefulHook(Hook):
    """Save the state of a hook in every checkpoint and restore it when a run resumes.

    A subclass sets :attr:`checkpoint_key` and implements :meth:`state_dict` and
    :meth:`load_state_dict`::

        @HOOKS.register_module()
        class BestLossHook(StatefulHook):
            checkpoint_key = 'best_loss'

            def __init__(self):
                self.best = float('inf')

            def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
                self.best = min(self.best, outputs['loss'].item())

            def state_dict(self):
                return dict(best=self.best)

            def load_state_dict(self, state):
                self.best = state['best']

    A run resumes if training starts after iteration 0. If a run only loads weights (``load_from``),
    or the checkpoint lacks the key, the hook keeps its initial state. Subclasses that override
    :meth:`before_train` call ``super().before_train(runner)`` before they use the state.

    Attributes:
        checkpoint_key: Key of the state in the checkpoint, unique among all hooks.
    """

    checkpoint_key: str
    _loaded = None

    def state_dict(self) -> object:
        """State to save: tensors and plain types only, so that ``torch.load(weights_only=True)``
        reads the checkpoint. Called on the first rank only."""
        raise NotImplementedError

    def load_state_dict(self, state: object) -> None:
        """Restore a state returned by :meth:`state_dict`. Called on all ranks."""
        raise NotImplementedError

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        checkpoint[self.checkpoint_key] = apply_to(
            self.state_dict(), lambda value: isinstance(value, Tensor), Tensor.cpu)

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        self._loaded = checkpoint.get(self.checkpoint_key)

    def before_train(self, runner) -> None:
        # Restore the state here because Runner sets `iter` only after loading. The run resumes if
        # `iter` is greater than 0.
        if self._loaded is not None and runner.iter > 0:
            self.load_state_dict(self._loaded)
        self._loaded = None
