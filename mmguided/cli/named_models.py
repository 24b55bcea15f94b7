"""Trained models as arguments of tools that compare them: ``[NAME=]CHECKPOINT ...``."""
import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmguided.utils.errors import ConfigError, check_file
from mmguided.utils.names import nearest

from .arguments import named_paths
from .config_checks import check_checkpoint

if TYPE_CHECKING:
    from torch import nn


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the checkpoints, and the configs of those that hold none."""
    parser.add_argument('checkpoints', nargs='+', metavar='[NAME=]CHECKPOINT')
    parser.add_argument('--configs', nargs='+', default=[], metavar='NAME=CONFIG',
                        help='of checkpoints that do not hold the config of a run of ours')


def named_checkpoints(arguments: Sequence[str]) -> dict[str, Path]:
    """Name -> file of ``[NAME=]CHECKPOINT``, see :func:`named_paths`.

    Raises:
        ConfigError: If there is no such file, or two have the same name.
    """
    paths = named_paths('checkpoint', arguments)
    for path in paths.values():
        if '://' in path:
            raise ConfigError(f'checkpoint={path!r} is an address: download it, and give the path')
        check_checkpoint('checkpoint', path, 'give [NAME=]CHECKPOINT, the path of a .pth file')
    return {name: Path(path).expanduser() for name, path in paths.items()}


def named_configs(arguments: Sequence[str], checkpoints: Mapping[str, Path]) -> dict[str, str]:
    """Name of a checkpoint -> config of ``NAME=CONFIG``.

    Raises:
        ConfigError: If no checkpoint has the name, or there is no such config.
    """
    named = {}
    for argument in arguments:
        # Not up to the first =: the name of a checkpoint may have one.
        name = next((name for name in checkpoints if argument.startswith(f'{name}=')), None)
        if name is None:
            given, separator, _ = argument.partition('=')
            raise ConfigError(f'--configs {argument!r}: give NAME=CONFIG, with the name of a '
                              f'checkpoint{nearest(given, checkpoints) if separator else ""}')
        named[name] = argument.removeprefix(f'{name}=')
        check_file('--configs', named[name], 'give the path of a config')
    return named


def load_models(checkpoints: Mapping[str, Path], configs: Mapping[str, str]
                ) -> 'dict[str, nn.Module]':
    """The models by name, on the device, in evaluation mode."""
    from mmengine.device import get_device

    from mmguided import get_model
    return {name: (get_model(configs[name], str(path)) if name in configs else get_model(path)
                   ).to(get_device()) for name, path in checkpoints.items()}
