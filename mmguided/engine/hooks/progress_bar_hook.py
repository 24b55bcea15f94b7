"""Progress bar at the terminal."""
import logging
import sys
import time
from datetime import timedelta

from mmengine.dist import get_world_size, is_main_process
from mmengine.hooks import Hook
from tqdm import tqdm
from tqdm.contrib import DummyTqdmFile

from mmguided.registry import HOOKS

from .runtime_info_hook import log_interval


@HOOKS.register_module()
class ProgressBarHook(Hook):
    """Show a progress bar during training: time left, images per second and losses.

    The bar appears on the first rank if stderr is a terminal. The losses are those of the log
    lines: means over the window of the log processor, read from the log buffer at the interval of
    ``LoggerHook``, so the bar adds no synchronization with the device. At
    the end of training, one line in the log states time, images per second, checkpoints and work
    dir.
    """

    priority = 'LOW'  # after RuntimeInfoHook, which writes the losses

    def before_train(self, runner) -> None:
        # Loaders of mmdet have a batch sampler instead of a batch size.
        self._images_per_step = (
            runner.train_dataloader.batch_sampler.batch_size * get_world_size())
        self._start = time.time(), runner.iter
        self._log_interval = log_interval(runner)
        self._bar = tqdm(
            total=runner.max_iters * self._images_per_step, unit='img', unit_scale=True,
            initial=runner.iter * self._images_per_step, dynamic_ncols=True,
            disable=None if is_main_process() else True)  # None: disable without a terminal
        # Redirect log lines at the terminal because they would break the bar.
        self._streams = [] if self._bar.disable else [
            (handler, handler.stream) for handler in runner.logger.handlers
            if isinstance(handler, logging.StreamHandler)
            and handler.stream in (sys.stdout, sys.stderr)]
        for handler, stream in self._streams:
            handler.setStream(DummyTqdmFile(stream))

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        self._bar.update(self._images_per_step)
        if not self._bar.disable and self.every_n_train_iters(runner, self._log_interval):
            self._bar.set_postfix({
                name.removeprefix('train/'):
                f'{values.mean(runner.log_processor.window_size):.4g}'
                for name, values in runner.message_hub.log_scalars.items()
                if name.startswith('train/loss')})

    def after_train(self, runner) -> None:
        self._bar.close()
        for handler, stream in self._streams:
            handler.setStream(stream)
        start, first = self._start
        seconds = time.time() - start
        images = (runner.iter - first) * self._images_per_step
        checkpoints = {
            name: path for name, path in runner.message_hub.runtime_info.items()
            if name == 'last_ckpt' or name.startswith('best_ckpt')}
        runner.logger.info('  '.join([
            f'Training finished in {timedelta(seconds=round(seconds))}',
            f'images/s: {images / seconds:.1f}',
            *(f'{name}: {path}' for name, path in sorted(checkpoints.items())),
            f'work_dir: {runner.work_dir}']))
