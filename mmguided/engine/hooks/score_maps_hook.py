"""Score maps for cached guidance and for maps of the user."""
import copy
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import torch
from mmcv.transforms import Compose
from mmengine.dataset import DefaultSampler, default_collate
from mmengine.dist import all_gather, barrier, broadcast_object_list, is_main_process
from mmengine.runner import EpochBasedTrainLoop
from mmpretrain.utils import track_on_main_process
from torch.utils.data import DataLoader, Subset

from mmguided.datasets import FolderMaps, ScoreMaps, WithScores, fingerprint, loading_transforms
from mmguided.models import CachedGuidance, MapGuidance
from mmguided.registry import HOOKS
from mmguided.utils.errors import ConfigError
from mmguided.utils.interruption import leave_signals_to_parent
from mmguided.utils.modules import gathered_weights, unwrap_ddp

from .stateful_hook import StatefulHook


@HOOKS.register_module()
class ScoreMapsHook(StatefulHook):
    """Compute the scores of :class:`mmguided.models.CachedGuidance` for the whole training set, or
    connect the maps of :class:`mmguided.models.MapGuidance`.

    Scores are computed at the start of the first guided epoch, and again after every
    ``guidance.refresh`` epochs. Each rank scores its share of the whole, uncropped images, resized
    to the crop size, without gradient and at the precision of training. The first rank writes the
    scores to ``work_dir/score_maps/*.npy``, which all ranks must be able to read, and then removes
    all other files except the last two that a checkpoint names. A resumed run reads the file named
    in the checkpoint if the file belongs to the same images. Otherwise it recomputes the scores
    with the current encoders and logs a warning.

    Dry runs set ``limit``, the number of images to score. The others are masked at random.

    The hook has no effect on models without ``CachedGuidance`` and ``MapGuidance``.

    Raises:
        ConfigError: If the pipeline does not end with :class:`mmguided.datasets.WithScores`, the
            training loop is not epoch-based, the disk is full, or an image has no map.
    """

    checkpoint_key = 'mmguided_score_maps'
    limit: int | None = None

    def __init__(self) -> None:
        self._maps: ScoreMaps | None = None
        # Name, epoch and images of the current file; names of the last two files in checkpoints.
        self._file = dict(name=None, epoch=None, images=None, saved=[])

    def state_dict(self) -> dict:
        name, saved = self._file['name'], self._file['saved']
        if name is not None and name not in saved:
            self._file['saved'] = [*saved[-1:], name]
        return self._file

    def load_state_dict(self, state: dict) -> None:
        self._file = dict(saved=[]) | state

    def before_train(self, runner) -> None:
        super().before_train(runner)
        model = unwrap_ddp(runner.model)
        found = [module for module in model.modules()
                 if isinstance(module, (CachedGuidance, MapGuidance))]
        if not found:
            return
        dataset = runner.train_dataloader.dataset
        loading_transforms(dataset)  # raises ConfigError for a dataset without a pipeline
        transforms = dataset.pipeline.transforms
        with_scores = transforms[-1] if transforms and isinstance(
            transforms[-1], WithScores) else None
        masks = getattr(model, 'mask_generator', None)
        shots = [shot for shot in getattr(masks, 'shots', ()) if found[0] in shot.modules()]
        if len(found) > 1 or not shots:
            raise ConfigError(f'model: {len(found)} CachedGuidance or MapGuidance modules found. '
                              'Use exactly one, in mask_generator.')
        if with_scores is None:
            raise ConfigError(
                f'train_dataloader.dataset.pipeline: {type(found[0]).__name__} needs WithScores. '
                "Put all transforms after loading into dict(type='mmguided.WithScores', "
                'transforms=[...]), see configs/self_guided_mae/vit-b_400e.py.')
        self._guidance, = found
        if isinstance(self._guidance, MapGuidance):
            with_scores.maps = self._find_maps(runner, dataset, model.backbone.patch_resolution)
            return
        if not isinstance(runner.train_loop, EpochBasedTrainLoop):
            raise ConfigError('train_cfg: CachedGuidance needs an epoch-based loop. Set '
                              'train_cfg.by_epoch=True.')
        self._shot, = shots
        self._fingerprint = fingerprint(dataset)
        variants = self._guidance.guidance.num_variants
        self._maps = with_scores.maps = ScoreMaps(
            Path(runner.work_dir) / 'score_maps',
            (len(dataset), *([variants] if variants > 1 else []), *model.backbone.patch_resolution))
        images = copy.copy(dataset)
        images.pipeline = Compose([*transforms[:-1], with_scores.whole])
        self._images = Subset(images, range(len(images))[:self.limit])

    def _find_maps(self, runner, dataset, grid: tuple[int, int]) -> FolderMaps:
        """Maps of MapGuidance; raise ConfigError or log a warning if images have none."""
        folder = self._guidance.folder
        if not hasattr(dataset, 'img_prefix') or 'img_path' not in dataset.get_data_info(0):
            raise ConfigError(
                f'train_dataloader.dataset.type={type(dataset).__name__}: MapGuidance needs a '
                "dataset of image files. Set type='mmguided.ImageFolder'.")
        maps = FolderMaps(folder, dataset, grid)
        if not len(maps.missing):
            return maps
        first = dataset.get_data_info(maps.missing[0])['img_path']
        count = f'{len(maps.missing)} of {len(dataset)} images have no map'
        if self._guidance.missing == 'error':
            raise ConfigError(
                f'mask_generator.guidance.folder={folder!r}: {count}, for example {first!r}. '
                "Add the maps, or set mask_generator.guidance.missing='random'.")
        runner.logger.warning(
            f'{folder!r}: {count} and are masked at random, for example {first!r}')
        return maps

    def before_train_epoch(self, runner) -> None:
        """Compute the score maps if they are due; on resume, open the existing file."""
        model = unwrap_ddp(runner.model)
        if self._maps is None or not self._shot.is_guided(model.clock):
            return
        computed = self._file['epoch']
        refresh = self._guidance.refresh
        if computed is not None and not (refresh and runner.epoch - computed >= refresh):
            if self._maps.name or self._reopen(runner):
                return
        self._compute(runner, model)

    def _reopen(self, runner) -> bool:
        """Open the file named in the checkpoint; return False if it is missing or belongs to other
        images."""
        name, valid = self._file['name'], [False]
        if is_main_process():
            valid = [self._file['images'] == self._fingerprint and self._maps.exists(name)]
        broadcast_object_list(valid)
        if valid[0]:
            self._use(name)
            runner.logger.info(f'Reading scores of epoch {self._file["epoch"]} from '
                               f'{self._maps.path(name)}')
        else:
            runner.logger.warning(
                f'{self._maps.path(name)} is missing or belongs to a different dataset; '
                f'recomputing scores with the encoders of epoch {runner.epoch}. The resumed run '
                'will differ from an uninterrupted one.')
        return valid[0]

    def _use(self, name: str) -> None:
        barrier()  # wait until the file is complete
        self._maps.use(name)

    def _compute(self, runner, model) -> None:
        start, guidance = time.time(), self._guidance.guidance
        runner.logger.info(f'Computing scores of {len(self._images)} images with '
                           f'{type(guidance).__name__}')
        with ExitStack() as stack:
            names = [None]
            if is_main_process():
                names[0], write = stack.enter_context(self._maps.create())
            broadcast_object_list(names)
            name, = names
            missing = 0
            for index, scores in self._scores(runner, model, guidance):
                if is_main_process():
                    write(index.numpy(), scores.unflatten(1, self._maps.shape[1:]).numpy())
                    missing += int(scores[:, 0].isnan().sum())
        self._use(name)
        self._file.update(name=name, epoch=runner.epoch, images=self._fingerprint)
        if is_main_process():
            self._maps.remove_all_except({name, *self._file['saved']})
        path = self._maps.path(name)
        runner.logger.info(
            f'Computed scores of {len(self._images)} images ({missing} without scores) in '
            f'{time.time() - start:.0f} s: {path}, {path.stat().st_size / 1e6:.1f} MB')

    @torch.no_grad()
    def _scores(self, runner, model, guidance):
        """Yield indices ``(n, )`` and scores ``(n, variants * L)`` of all images, gathered from all
        ranks, on the CPU."""
        loader = runner.train_dataloader
        batches = DataLoader(
            self._images, loader.batch_size, num_workers=loader.num_workers,
            pin_memory=loader.pin_memory, collate_fn=default_collate,
            worker_init_fn=partial(leave_signals_to_parent, None),
            # A separate seed and generator leave the RNG state of training unchanged.
            sampler=DefaultSampler(self._images, shuffle=False, seed=0),
            generator=torch.Generator())
        model.eval()
        for batch in track_on_main_process(batches, 'Scores'):
            batch = model.data_preprocessor(batch)
            with runner.optim_wrapper.optim_context(runner.model), gathered_weights(model):
                observations = model.observe(batch['inputs'], parts=[guidance])
                scores = guidance.variants(observations, model.clock).flatten(1)
            yield (torch.cat(all_gather(batch['data_samples'])).cpu(),
                   torch.cat(all_gather(scores)).cpu())
        model.train()
