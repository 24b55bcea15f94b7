"""What tests of configs share: reading, comparing and building them."""
import re

import torch
from mmengine.config import Config
from torch import nn

import tests.helpers.cmt_mae  # noqa: F401
from mmguided.registry import MODELS
from tests.helpers.paths import ROOT

ABSENT = object()


def load(name: str) -> Config:
    """A config by its path below configs/, with or without its ending."""
    return Config.fromfile(str(ROOT / 'configs' / f'{name.removesuffix(".py")}.py'))


def docstring(name: str) -> str:
    """That of a config, see :func:`load`, as one line."""
    text = (ROOT / 'configs' / f'{name.removesuffix(".py")}.py').read_text()
    return ' '.join(text.split('"""')[1].split())


def build_without_memory(cfg: Config) -> nn.Module:
    """The model of a config, at full size but for CLIP, whose weights are not there."""
    if 'teacher' in cfg.model:
        cfg.model.teacher = dict(type='mmguided.LinearTeacher')
    with torch.device('meta'):
        return MODELS.build(cfg.model)


def differences(before, after) -> dict:
    """Paths and new values of the fields in which two configs differ."""
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        before, after = (dict(enumerate(fields)) for fields in (before, after))
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return {} if before == after else {'': after}
    return {
        f'{key}.{path}'.rstrip('.'): value
        for key in before.keys() | after.keys()
        for path, value in differences(before.get(key, ABSENT), after.get(key, ABSENT)).items()
    }


def shots_of(text: str) -> tuple[tuple[int, float], ...]:
    """The shots that a text states in the notation of Conditional MAE, ``L(i, j; eta_1, eta_2)``.
    """
    layers, ratios = re.search(r'L\(([\d, ]+);([\d., ]+)\)', text).groups()
    return tuple(zip(map(int, layers.split(',')), map(float, ratios.split(',')), strict=True))


def table_row(readme: str, *first: str) -> list[str]:
    """Cells of the one row of a Markdown table whose first cell holds one of these."""
    rows = [[cell.strip() for cell in line.strip('|').split('|')]
            for line in readme.splitlines() if line.startswith('|')]
    row, = (row for row in rows if any(name in row[0] for name in first))
    return row
