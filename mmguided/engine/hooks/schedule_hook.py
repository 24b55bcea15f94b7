"""Learning rate and schedule that fit the run, also on resume."""
import copy
import warnings
from collections.abc import Iterator

from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.optim.scheduler.param_scheduler import INF, LinearParamScheduler
from mmengine.runner import EpochBasedTrainLoop

from mmguided.registry import HOOKS

#: State of a scheduler that changes in each step.
PROGRESS = ('last_step', '_global_step', '_last_value')


@HOOKS.register_module()
class ScheduleHook(Hook):
    """Follow changed settings of the optimizer on resume, and report rates that do not fit the run.

    MMEngine resumes the learning rate, the weight decay and the schedule of the checkpoint, even if
    the config has changed. If a setting or the number of iterations per epoch has changed, this
    hook sets the rates that a run with the new config would have at the resumed iteration, and logs
    the changed settings. Otherwise, the state of the checkpoint is kept.

    The hook also warns at the start of a run if the schedule of the learning rate has a gap or does
    not end with the run, or if the total batch size is not the one for which the learning rate is
    set (``auto_scale_lr.base_batch_size``).
    """

    _fresh = None

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Keep the settings of the config, which the checkpoint is about to replace."""
        if isinstance(runner.optim_wrapper, OptimWrapper):
            self._fresh = (
                [_hyperparameters(group) for group in runner.optim_wrapper.param_groups],
                [copy.deepcopy(scheduler.state_dict()) for scheduler in _schedulers(runner)])

    def before_train(self, runner) -> None:
        if self._fresh and runner.iter > 0:
            changes = list(self._changes(runner))
            if changes:
                runner.logger.info(
                    f'Resumed with changed settings: {", ".join(dict.fromkeys(changes))}. The run '
                    'follows the config.')
                self._follow_config(runner)
        for problem in (_schedule_problem(runner), _gap_problem(runner), _batch_problem(runner)):
            if problem:
                runner.logger.warning(problem)

    def _changes(self, runner) -> Iterator[str]:
        """Settings in which the config differs from the checkpoint."""
        groups, states = self._fresh
        schedulers = _schedulers(runner)
        scheduled = {scheduler.param_name for scheduler in schedulers}
        for fresh, group in zip(groups, runner.optim_wrapper.param_groups, strict=True):
            for name, value in fresh.items():
                if name not in scheduled and group.get(name) != value:
                    name = name.removeprefix('initial_')
                    yield f'optim_wrapper.optimizer.{name}'
        for index, (fresh, scheduler) in enumerate(zip(states, schedulers, strict=True)):
            state = scheduler.state_dict()
            for name, value in fresh.items():
                if name not in (*PROGRESS, 'base_values') and state.get(name) != value:
                    yield f'param_scheduler.{index}.{name}={value} (checkpoint: {state.get(name)})'
            if state['_global_step'] != (runner.epoch if scheduler.by_epoch else runner.iter):
                yield 'iterations per epoch'

    def _follow_config(self, runner) -> None:
        """Restart the schedulers of the config and step them to the resumed iteration."""
        groups, states = self._fresh
        schedulers = _schedulers(runner)
        for fresh, group in zip(groups, runner.optim_wrapper.param_groups, strict=True):
            group.update(fresh)
        for fresh, scheduler in zip(states, schedulers, strict=True):
            scheduler.load_state_dict(fresh)
        by_epoch = isinstance(runner.train_loop, EpochBasedTrainLoop)
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # the optimizer makes no steps meanwhile
            for step in range(1, runner.iter + 1):
                ends_epoch = by_epoch and step % len(runner.train_dataloader) == 0
                for scheduler in schedulers:
                    if ends_epoch or not scheduler.by_epoch:
                        scheduler.step()


def _hyperparameters(group: dict) -> dict:
    return {name: copy.deepcopy(value) for name, value in group.items() if name != 'params'}


def _schedulers(runner) -> list:
    # A dict belongs to several optimizers.
    return runner.param_schedulers if isinstance(runner.param_schedulers, list) else []


def _schedule_problem(runner) -> str | None:
    """Describe a schedule of the learning rate that does not end with the run."""
    ends = [(scheduler.end / (runner.max_epochs if scheduler.by_epoch else runner.max_iters),
             index, scheduler) for index, scheduler in enumerate(_schedulers(runner))
            if scheduler.param_name == 'lr']
    share, index, last = max(ends, default=(1, 0, None))
    is_warmup = isinstance(last, LinearParamScheduler) and last.start_factor < last.end_factor
    if last is None or last.end == INF or (share < 1 if is_warmup else share == 1):
        return None
    by_epoch = isinstance(runner.train_loop, EpochBasedTrainLoop)
    length = runner.max_epochs if by_epoch else runner.max_iters
    return (f'param_scheduler.{index}.end: the {"warm-up" if is_warmup else "schedule"} ends after '
            f'{share * length:g} {"epochs" if by_epoch else "iterations"}, but the run ends '
            f'after {length}. Change both together, for example by --epochs N.')


def _gap_problem(runner) -> str | None:
    """Describe a gap between two schedules of the learning rate."""
    spans = sorted((scheduler.begin / length, scheduler.end / length, index)
                   for index, scheduler in enumerate(_schedulers(runner))
                   if scheduler.param_name == 'lr'
                   for length in [runner.max_epochs if scheduler.by_epoch else runner.max_iters])
    covered = spans[0][1] if spans else 0
    for begin, end, index in spans:
        if begin > covered:
            return (f'param_scheduler.{index}.begin: the learning rate is constant between '
                    f'{covered:.1%} and {begin:.1%} of the run. Unless this is intended, let the '
                    'schedule begin earlier.')
        covered = max(covered, end)
    return None


def _batch_problem(runner) -> str | None:
    """Describe a total batch size that does not fit the learning rate."""
    auto = runner.cfg.get('auto_scale_lr')
    if not auto or auto.get('enable'):
        return None
    size = runner.cfg.train_dataloader.batch_size
    counts = getattr(runner.optim_wrapper, '_accumulative_counts', 1)
    total, base = size * runner.world_size * counts, auto['base_batch_size']
    if .5 < total / base < 2:
        return None
    return (f'train_dataloader.batch_size={size}: an optimizer step has {total} images, but the '
            f'learning rate is set for {base}. Add --auto-scale-lr, or set --lr.')
