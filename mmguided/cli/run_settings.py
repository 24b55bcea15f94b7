"""Options of ``train.py`` that change several fields of a config together."""
from collections.abc import Sequence

from mmengine.config import Config
from mmengine.utils import to_2tuple

from mmguided.utils.configs import walk
from mmguided.utils.errors import ConfigError

from .arguments import LOADERS, image_size, set_image_size

#: Sizes in pixels of transforms.
PIXELS = ('scale', 'crop_size', 'max_shift')


def set_epochs(cfg: Config, epochs: int) -> None:
    """Set the length of the run and of its schedules. The warm-up and other schedules that end
    earlier keep their length; milestones move with the length of the run."""
    before = cfg.train_cfg.get('max_epochs')
    if before is None:
        raise ConfigError(f'--epochs={epochs}: the config trains by iterations. Set `--cfg-options '
                          'train_cfg.max_iters=N`.')
    cfg.train_cfg.max_epochs = epochs
    schedulers = cfg.get('param_scheduler') or []
    for index, scheduler in enumerate(schedulers if isinstance(schedulers, list) else [schedulers]):
        if not scheduler.get('by_epoch', True):
            continue
        begin = scheduler.get('begin', 0)
        for name, last in (('end', before), ('T_max', before - begin)):
            if scheduler.get(name) == last:
                scheduler[name] += epochs - before
        if 'milestones' in scheduler:
            scheduler.milestones = [round(m * epochs / before) for m in scheduler.milestones]
        end = scheduler.get('end', epochs)
        if begin >= epochs or end > epochs:
            raise ConfigError(
                f'--epochs={epochs}: param_scheduler.{index} lasts from epoch {begin} to {end}. '
                'Set more epochs, or change `begin` and `end` by --cfg-options.')


def set_img_size(cfg: Config, sides: Sequence[int]) -> None:
    """Set the image size of the encoder, a side or (height, width), and the sizes of the transforms
    in proportion. Grids of masks, decoders and teachers follow the encoder."""
    option = f'--img-size={" ".join(map(str, sides))}'
    if len(sides) > 2:
        raise ConfigError(f'{option}: too many values. Give a side, or height and width.')
    backbone = cfg.model.get('backbone') or {}
    if cfg.get('default_scope') in ('mmdet', 'mmseg') or 'img_size' not in backbone:
        raise ConfigError(f'{option}: the config does not state one size for encoder and '
                          'images. Change the pipelines in a config of your own.')
    before, after = backbone.img_size, (sides[0], sides[-1])
    backbone.img_size = sides[0] if len({*sides}) == 1 else after
    if before is None:  # fill_encoder fills in the sizes of the transforms
        return
    nodes = {id(node): node for field in ('model', *LOADERS, 'custom_hooks')
             for _, node in walk(cfg.get(field), field) if isinstance(node, dict)}
    for node in nodes.values():
        for name in PIXELS:
            if value := image_size(node, name):
                size = tuple(side * new // old for side, new, old in zip(
                    value, after, to_2tuple(before), strict=True))
                if name == 'max_shift':
                    node[name] = min(size)
                else:
                    set_image_size(node, name, size)
