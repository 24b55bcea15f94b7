"""Makes the score maps of guidance that is cached."""
import copy
import hashlib
import pickle
import time
from contextlib import ExitStack
from pathlib import Path

import torch
from mmcv.transforms import Compose
from mmengine.dataset import DefaultSampler, default_collate
from mmengine.dist import all_gather, barrier, broadcast_object_list, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop
from mmpretrain.utils import track_on_main_process
from torch.utils.data import DataLoader

from mmguided.datasets import ScoreMaps, WithScores
from mmguided.models import CachedGuidance
from mmguided.registry import HOOKS
from mmguided.utils.errors import ConfigError
from mmguided.utils.modules import unwrap_ddp

CHECKPOINT_KEY = 'mmguided_score_maps'


@HOOKS.register_module()
class ScoreMapsHook(Hook):
    """Makes the scores of :class:`mmguided.models.CachedGuidance` for all images of the training
    set, at the start of the first epoch that is guided, and anew where its ``refresh`` says so.

    Each process scores its share of the images, whole, at the size of the crops, without gradient,
    at the precision of training; the first process writes them to ``work_dir/score_maps/*.npy``,
    which all processes must see. The file that a new one replaces is kept until the next. A run
    that is resumed reads the file again that the checkpoint names, if it is of the same images;
    otherwise it makes a new one of the encoders as they are, and says so.

    Models without such a guidance are left alone.

    Raises:
        ConfigError: If the pipeline has no :class:`mmguided.datasets.WithScores` at its end, the
            loop is not one of epochs, or the disk has no room.
    """

    def __init__(self) -> None:
        self._maps: ScoreMaps | None = None
        self._note = dict(name=None, previous=None, epoch=None, images=None)

    def before_train(self, runner) -> None:
        """Connects model and pipeline."""
        model = unwrap_ddp(runner.model)
        cached = [module for module in model.modules() if isinstance(module, CachedGuidance)]
        dataset = runner.train_dataloader.dataset
        transforms = getattr(getattr(dataset, 'pipeline', None), 'transforms', [])
        with_scores = transforms[-1] if transforms and isinstance(
            transforms[-1], WithScores) else None
        if not cached:
            if with_scores is not None:
                raise ConfigError('train_dataloader.dataset.pipeline has WithScores, and no '
                                  'guidance reads scores: set mask_generator.guidance='
                                  "dict(type='mmguided.CachedGuidance', ...), or take it out")
            return
        masks = getattr(model, 'mask_generator', None)
        shots = [shot for shot in getattr(masks, 'shots', ()) if cached[0] in shot.modules()]
        if len(cached) > 1 or not shots:
            raise ConfigError('CachedGuidance: a model has one, in its mask_generator; this one '
                              f'has {len(cached)}')
        if with_scores is None:
            raise ConfigError(
                'CachedGuidance: train_dataloader.dataset.pipeline must be its loading transforms '
                "and dict(type='mmguided.WithScores', transforms=[...]), see "
                'configs/self_guided_mae/vit-b_400e.py')
        if not isinstance(runner.train_loop, EpochBasedTrainLoop):
            raise ConfigError('CachedGuidance: scores are made between epochs, and train_cfg has '
                              'none: set train_cfg.by_epoch=True')
        self._shot, = shots
        self._guidance, = cached
        self._fingerprint = _fingerprint(dataset)
        grid = model.backbone.patch_resolution
        self._maps = with_scores.maps = ScoreMaps(
            Path(runner.work_dir) / 'score_maps', (len(dataset), *grid))
        self._images = copy.copy(dataset)
        self._images.pipeline = Compose([*transforms[:-1], with_scores.whole])

    def before_train_epoch(self, runner) -> None:
        """Makes the maps, or opens those of a run that is resumed, if it is time for them."""
        model = unwrap_ddp(runner.model)
        if self._maps is None or not self._shot.is_guided(model.clock):
            return
        made = self._note['epoch']
        refresh = self._guidance.refresh
        if made is not None and not (refresh and runner.epoch - made >= refresh):
            if self._maps.name or self._reopen(runner):
                return
        self._make(runner, model)

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Notes which file is read."""
        checkpoint[CHECKPOINT_KEY] = self._note

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Takes the note, if the run is resumed."""
        if runner.cfg.get('resume'):
            self._note = checkpoint.get(CHECKPOINT_KEY, self._note)

    def _reopen(self, runner) -> bool:
        """Whether the file that the checkpoint names serves on."""
        name, serves = self._note['name'], [False]
        if is_main_process():
            serves = [self._note['images'] == self._fingerprint and self._maps.exists(name)]
        broadcast_object_list(serves)
        if serves[0]:
            self._use(name)
            runner.logger.info(f'Scores are read from {self._maps.path(name)}, made at epoch '
                               f'{self._note["epoch"]}')
        else:
            runner.logger.warning(
                f'{self._maps.path(name)} is not there or is of other images: scores are made anew '
                f'by the encoders of epoch {runner.epoch}, and the resumed run will differ from an '
                'uninterrupted one')
        return serves[0]

    def _use(self, name: str) -> None:
        barrier()
        if not self._maps.path(name).is_file():
            raise ConfigError(f'{str(self._maps.path(name))!r} is not seen by all processes: '
                              '`--work-dir` must be a folder that all machines share')
        self._maps.use(name)

    def _make(self, runner, model) -> None:
        start, guidance = time.time(), self._guidance.guidance
        runner.logger.info(f'Making the scores of {self._maps.shape[0]} images by '
                           f'{type(guidance).__name__}')
        with ExitStack() as stack:
            created = [None, None]  # name, or what has gone wrong
            if is_main_process():
                try:
                    created[0], write = stack.enter_context(self._maps.create())
                except ConfigError as error:
                    created[1] = str(error)
            broadcast_object_list(created)
            name, error = created
            if error:
                raise ConfigError(error)
            without = 0
            for index, scores in self._scored(runner, model, guidance):
                if is_main_process():
                    write(index.numpy(), scores.unflatten(1, self._maps.shape[1:]).numpy())
                    without += int(scores[:, 0].isnan().sum())
        self._use(name)
        if is_main_process() and self._note['previous']:
            self._maps.path(self._note['previous']).unlink(missing_ok=True)
        self._note = dict(name=name, previous=self._note['name'], epoch=runner.epoch,
                          images=self._fingerprint)
        path = self._maps.path(name)
        runner.logger.info(
            f'Scores of {self._maps.shape[0]} images, of which {without} have none, were made in '
            f'{time.time() - start:.0f} s: {path}, {path.stat().st_size / 1e6:.1f} MB')

    @torch.no_grad()
    def _scored(self, runner, model, guidance):
        """Yields indices ``(n, )`` and scores ``(n, L)`` of images, on the CPU, until each has had
        its turn; those of all processes."""
        loader = runner.train_dataloader
        batches = DataLoader(
            self._images, loader.batch_size, num_workers=loader.num_workers,
            pin_memory=loader.pin_memory, collate_fn=default_collate,
            # With a seed and a generator of their own, training's random numbers are left alone.
            sampler=DefaultSampler(self._images, shuffle=False, seed=0),
            generator=torch.Generator())
        model.eval()
        for batch in track_on_main_process(batches, 'Scores'):
            batch = model.data_preprocessor(batch)
            with runner.optim_wrapper.optim_context(runner.model):
                observations = model.observe(batch['inputs'], parts=[guidance])
                scores = guidance(observations, model.clock)
            yield (torch.cat(all_gather(batch['data_samples'])).cpu(),
                   torch.cat(all_gather(scores)).cpu())
        model.train()


def _fingerprint(dataset) -> str:
    """Differs for data sets of other images, or in another order."""
    images = dataset.data_bytes if dataset.serialize_data else pickle.dumps(dataset.data_list)
    return hashlib.sha1(images).hexdigest()
