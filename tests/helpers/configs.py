"""Reading, comparing and building configs."""
import re

import torch
from mmengine.config import Config
from torch import nn

import tests.helpers.cmt_mae  # noqa: F401
from mmguided.registry import MODELS
from tests.helpers.paths import ROOT

ABSENT = object()


def load(name: str) -> Config:
    """Read a config by its path below configs/, with or without suffix."""
    return Config.fromfile(str(ROOT / 'configs' / f'{name.removesuffix(".py")}.py'))


def docstring(name: str) -> str:
    """Docstring of a config as one line."""
    text = (ROOT / 'configs' / f'{name.removesuffix(".py")}.py').read_text()
    return ' '.join(text.split('"""')[1].split())


def build_without_memory(cfg: Config) -> nn.Module:
    """Build the model of a config on the meta device, with a linear teacher instead of CLIP."""
    if 'teacher' in cfg.model:
        cfg.model.teacher = dict(type='mmguided.LinearTeacher')
    with torch.device('meta'):
        return MODELS.build(cfg.model)


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


def shots_of(text: str) -> tuple[tuple[int, float], ...]:
    """Shots in the notation of Conditional MAE, ``L(i, j; eta_1, eta_2)``."""
    layers, ratios = re.search(r'L\(([\d, ]+);([\d., ]+)\)', text).groups()
    return tuple(zip(map(int, layers.split(',')), map(float, ratios.split(',')), strict=True))


def table_row(readme: str, *first: str) -> list[str]:
    """Cells of the Markdown table row whose first cell contains one of ``first``."""
    rows = [[cell.strip() for cell in line.strip('|').split('|')]
            for line in readme.splitlines() if line.startswith('|')]
    row, = (row for row in rows if any(name in row[0] for name in first))
    return row
