"""Read, compare and build configs."""
import copy
from functools import cache, partial

import pytest
import torch
from mmengine.config import Config, DictAction
from mmengine.optim import build_optim_wrapper
from torch import nn

import tests.helpers.cmt_mae  # noqa: F401
from mmguided.registry import MODELS
from tests.helpers.paths import ROOT

ABSENT = object()
_read = cache(Config.fromfile)


def load(row: str) -> Config:
    """Read a config with options: ``'ccmim/vit-b_800e model.neck.depth=2'``."""
    name, *options = row.split()
    cfg = copy.deepcopy(_read(ROOT / 'configs' / f'{name.removesuffix(".py")}.py'))
    cfg.merge_from_dict({key: DictAction._parse_iterable(value)
                         for key, value in (option.split('=', 1) for option in options)})
    return cfg


def docstring(name: str) -> str:
    """Docstring of a config as one line."""
    text = (ROOT / 'configs' / f'{name}.py').read_text()
    return ' '.join(text.split('"""')[1].split())


def build_without_memory(cfg: Config) -> nn.Module:
    """Build the model of a config on the meta device, with a linear teacher instead of CLIP."""
    if 'teacher' in cfg.model:
        cfg.model.teacher = dict(type='mmguided.LinearTeacher')
    with pytest.MonkeyPatch.context() as patch, torch.device('meta'):
        # Hierarchical encoders read their drop path rates from a tensor.
        patch.setattr(torch, 'linspace', partial(torch.linspace, device='cpu'))
        return MODELS.build(cfg.model)


def parameter_groups(model: nn.Module, cfg: Config) -> dict[str, dict]:
    """Map each trained parameter to its group in the config's optimizer."""
    settings = {key: value for key, value in cfg.optim_wrapper.items() if key != 'loss_scale'}
    wrapper = build_optim_wrapper(model, dict(settings, type='OptimWrapper'))
    groups = {id(parameter): group for group in wrapper.param_groups
              for parameter in group['params']}
    return {name: groups[id(parameter)] for name, parameter in model.named_parameters()
            if parameter.requires_grad}


def differences(before, after) -> dict:
    """Paths and new values of the fields that differ between two configs."""
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        before, after = (dict(enumerate(fields)) for fields in (before, after))
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return {} if before == after else {'': after}
    return {
        f'{key}.{path}'.rstrip('.'): value
        for key in before.keys() | after.keys()
        for path, value in differences(before.get(key, ABSENT), after.get(key, ABSENT)).items()
    }
