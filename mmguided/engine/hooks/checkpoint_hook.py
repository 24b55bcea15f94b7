"""Checkpoints that are complete, finite and never replaced by worse ones."""
import copy
import os
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend, register_backend
from mmengine.hooks import CheckpointHook

from mmguided.registry import HOOKS
from mmguided.utils.errors import ConfigError, DivergedError

from .finite_hook import first_non_finite


@register_backend('mmguided.atomic', force=True)
class AtomicBackend(LocalBackend):
    """Storage backend that writes local files atomically."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write a temporary file, flush it to the disk and rename it."""
        part = f'{filepath}.part'
        try:
            with open(part, 'wb') as file:
                file.write(obj)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, filepath)
        finally:
            Path(part).unlink(missing_ok=True)


class KeepingBackend(LocalBackend):
    """Storage backend that lists files in :attr:`kept` instead of removing them."""

    def __init__(self) -> None:
        self.kept = []

    def remove(self, filepath: str | Path) -> None:
        self.kept.append(filepath)


@HOOKS.register_module()
class SafeCheckpointHook(CheckpointHook):
    """MMEngine's CheckpointHook with three differences.

    - Files are written atomically, see :class:`AtomicBackend`.
    - Old checkpoints, including the best one, are removed only after the new one is saved, and only
      in the folder of the run.
    - If saving fails, for example because the disk is full, or a weight is NaN or Inf, the run logs
      a warning, keeps the previous checkpoints and continues. If it was the last checkpoint of the
      run, it raises ConfigError or DivergedError instead.
    """

    def __init__(self, *args, **kwargs) -> None:
        kwargs.setdefault('backend_args', dict(backend='mmguided.atomic'))
        super().__init__(*args, **kwargs)

    def _save_checkpoint_with_step(self, runner, step: int, meta: dict) -> None:
        if (broken := first_non_finite(runner.model)) is not None:
            self._report(runner, step, f'{broken} is NaN or Inf. Lower '
                         'optim_wrapper.optimizer.lr, or clip the gradient', DivergedError)
            return
        limit, previous = self.max_keep_ckpts, runner.message_hub.runtime_info.copy()
        kept = [*(s for s in getattr(self, 'keep_ckpt_ids', ()) if s != step), step]
        if limit > 0:
            runner.message_hub.update_info('keep_ckpt_ids', kept[-limit:])
        try:
            self.max_keep_ckpts = -1  # the base class would first remove a checkpoint
            super()._save_checkpoint_with_step(runner, step, meta)
        except OSError as error:
            for name in ('keep_ckpt_ids', 'last_ckpt'):
                runner.message_hub.runtime_info.pop(name, None)
                if name in previous:
                    runner.message_hub.update_info(name, previous[name])
            self._report(runner, step, f'{error}. Free disk space', ConfigError)
            return
        finally:
            self.max_keep_ckpts = limit
        if limit > 0:
            self.keep_ckpt_ids.clear()
            self.keep_ckpt_ids.extend(kept[-limit:])
            for old in kept[:-limit] if is_main_process() else ():
                Path(self.out_dir, self.filename_tmpl.format(old)).unlink(missing_ok=True)

    def _save_best_checkpoint(self, runner, metrics: dict) -> None:
        if (broken := first_non_finite(runner.model)) is not None:
            runner.logger.warning(f'The best checkpoint is not saved: {broken} is NaN or Inf.')
            return
        attributes, previous = copy.deepcopy(self._best()), runner.message_hub.runtime_info.copy()
        backend, self.file_backend = self.file_backend, KeepingBackend()
        replaced = self.file_backend.kept
        try:
            super()._save_best_checkpoint(runner, metrics)
        except OSError as error:
            runner.logger.warning(f'The best checkpoint is not saved: {error}. Training continues.')
            vars(self).update(attributes)
            runner.message_hub.runtime_info.clear()
            runner.message_hub.runtime_info.update(previous)
            return
        finally:
            self.file_backend = backend
        best = str(self._best())
        for path in replaced:
            # A run that is resumed in another folder keeps the file of the earlier run.
            if repr(path) not in best and Path(path).parent == Path(self.out_dir):
                backend.remove(path)

    def _best(self) -> dict:
        return {name: value for name, value in vars(self).items()
                if name in ('best_ckpt_path', 'best_ckpt_path_dict')}

    def _report(self, runner, step: int, reason: str, kind: type[ConfigError]) -> None:
        name = self.filename_tmpl.format(step)
        if step == (runner.max_epochs if self.by_epoch else runner.max_iters):
            raise kind(f'work_dir={runner.work_dir!r}: {name}, the last checkpoint of the run, is '
                       f'not saved: {reason}, and resume by --resume.')
        runner.logger.warning(f'{name} is not saved: {reason}. Training continues.')
