"""Benchmark configs, named as in the rows of the README tables."""
import ast
import copy
import functools

from mmengine.config import Config

from tests.helpers.colors import CONFIGS

#: Options of the learning rate 1e-3, whose cosine ends at 1e-6.
LR_1E_3 = 'optim_wrapper.optimizer.lr=1e-3 param_scheduler.1.eta_min_ratio=1e-3'
_read = functools.cache(Config.fromfile)


def names(*folders: str) -> list[str]:
    """Paths below configs/benchmarks, without .py, of all configs in these folders."""
    return sorted(f'{folder}/{path.stem}' for folder in folders
                  for path in (CONFIGS / folder).glob('*.py'))


def load(row: str) -> Config:
    """The config of a row such as ``'imagenet/vit-b_knn model.backbone.arch=small'``."""
    name, *options = row.split()
    cfg = copy.deepcopy(_read(CONFIGS / f'{name}.py'))
    cfg.merge_from_dict({key: _value(text) for key, text in (o.split('=', 1) for o in options)})
    return cfg


def _value(text: str) -> object:
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text
