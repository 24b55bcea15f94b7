"""Strict loading: the checkpoint that a config names must hold the encoder of the config."""
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pickle import UnpicklingError

from mmengine.logging import MMLogger
from mmengine.runner import CheckpointLoader
from torch import Tensor, nn

from .errors import ConfigError, check_file

_ENCODER = 'backbone.init_cfg.checkpoint'

#: Names of mask tokens in an encoder, which nothing reads without a mask.
MASK_TOKENS = r'(stage_mask_tokens\.\d+|mask_token)$'

Shape = tuple[int, ...]


def read_checkpoint(settings: Mapping, field: str = _ENCODER
                    ) -> tuple[Mapping, str]:
    """Weights of the checkpoint that ``backbone.init_cfg`` names, and what stands before the
    encoder's names in it.

    Args:
        settings: Result of :func:`mmguided.utils.configs.pretrained_settings`.
        field: What to call it in errors.

    Raises:
        ConfigError: If it names none, or no file of weights that torch can read.
    """
    path = settings.get('checkpoint')
    remedy = 'name a checkpoint' + (
        f', with --cfg-options model.{field}=PATH' if '.' in field else '')
    if not path:
        raise ConfigError(f'{field} is empty: {remedy}')
    return weights_of(load_checkpoint(path, field, remedy)), settings.get('prefix', '')


def load_checkpoint(path: str, field: str, remedy: str) -> Mapping:
    """All that a checkpoint holds, on the CPU; see :func:`weights_of`.

    Raises:
        ConfigError: If there is no such file, or no file of weights that torch can read.
    """
    check_file(field, path, remedy)
    try:
        loaded = CheckpointLoader.load_checkpoint(os.path.expanduser(path), map_location='cpu')
    except (RuntimeError, UnpicklingError, EOFError, KeyError) as error:
        raise ConfigError(f'{field}={path!r} cannot be read as a checkpoint '
                          f'({type(error).__name__}: {error}): is the file whole? If it is, '
                          f'{remedy}') from error
    state = weights_of(loaded)
    if not isinstance(state, Mapping):
        raise ConfigError(f'{field}={path!r} holds a {type(state).__name__}, not weights by name: '
                          f'{remedy}')
    return loaded


def weights_of(checkpoint: Mapping) -> Mapping:
    """The weights by name among all that a checkpoint holds."""
    if isinstance(checkpoint, Mapping):
        return checkpoint.get('state_dict', checkpoint.get('model', checkpoint))
    return checkpoint


def load_encoder(encoder: nn.Module,
                 settings: Mapping,
                 unused: str | None = None,
                 new: str | None = None,
                 field: str = _ENCODER,
                 resize: Callable[[dict], dict] | None = None) -> None:
    """Load an encoder's weights strictly; a position embedding of another grid is resized.

    Args:
        encoder: Module to fill.
        settings: Result of :func:`mmguided.utils.configs.pretrained_settings`.
        unused: Pattern of the names that a checkpoint may have and the encoder does not.
        new: Pattern of the encoder's names that a checkpoint may lack; they keep their values.
        field: What to call the checkpoint in errors.
        resize: Gives those weights of a checkpoint, by name, that are of another size in this
            encoder, in its own size.

    Raises:
        ConfigError: If there is no such file, or if it lacks or contradicts another weight.
    """
    state, prefix = read_checkpoint(settings, field)
    theirs = {name.removeprefix(prefix): value for name, value in state.items()
              if name.startswith(prefix)}
    resized = resize(theirs) if resize else {}
    theirs |= resized
    left_out = [name for name in theirs if unused and re.match(unused, name)]
    ours = encoder.state_dict()
    fresh = [name for name in ours if new and re.match(new, name) and name not in theirs]
    check_backbone({prefix + name: value for name, value in ours.items() if name not in fresh},
                   {name: value for name, value in
                    {**state, **{prefix + name: value for name, value in theirs.items()}}.items()
                    if name.removeprefix(prefix) not in left_out}, prefix)
    encoder.load_state_dict({name: value for name, value in theirs.items() if name not in left_out},
                            strict=False)  # the fresh ones are missing, all others are checked
    notes = ''.join(f'; {what}: {_some(names)}' for what, names in (
        ('not used', left_out), ('initialized anew', fresh), ('resized', list(resized)))
                    if names)
    MMLogger.get_current_instance().info(
        f'Every key of the encoder is loaded from {settings["checkpoint"]}{notes}')


def load_model(model: nn.Module, path: str) -> None:
    """Load a checkpoint strictly: all weights, or into a k-NN classifier those of the encoder.

    Raises:
        ConfigError: If there is no such file, or it is not of this model.
    """
    load_weights(model, read_checkpoint(dict(checkpoint=path), 'pretrained')[0], path)


def load_weights(model: nn.Module, state: Mapping[str, Tensor], path: str) -> None:
    """:func:`load_model` of weights that have been read from a path."""
    only_encoder = all(name.startswith('backbone.') for name in model.state_dict())
    if only_encoder:
        state = {name: value for name, value in state.items() if name.startswith('backbone.')}
    try:
        model.load_state_dict(dict(state), strict=True)
    except RuntimeError as error:
        check_backbone(model.state_dict(), state)
        lines = ' '.join(line.strip() for line in str(error).splitlines()[1:])
        raise ConfigError(f'pretrained={path!r} is not of this model, though its encoder fits: '
                          f'{lines[:400]}') from error


@dataclass(frozen=True)
class BackboneReport:
    """Differences between the encoder of a model and that of a checkpoint.

    Attributes:
        missing: Names that only the model has.
        unexpected: Names that only the checkpoint has.
        mismatched: Name -> shape in the model and shape in the checkpoint.
    """
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    mismatched: dict[str, tuple[Shape, Shape]]

    @property
    def fits(self) -> bool:
        """Whether every weight of the encoder has its counterpart."""
        return not (self.missing or self.unexpected or self.mismatched)

    def __str__(self) -> str:
        shapes = [f'{name} {theirs} instead of {ours}'
                  for name, (ours, theirs) in self.mismatched.items()]
        parts = ((self.missing, 'missing'), (self.unexpected, 'unexpected'),
                 (shapes, 'of another shape'))
        return '; '.join(f'{len(names)} {what} ({_some(names)})' for names, what in parts if names)


def compare_backbone(model_state: Mapping[str, Tensor],
                     checkpoint_state: Mapping[str, Tensor],
                     prefix: str = 'backbone.') -> BackboneReport:
    """Compare the names and shapes of the weights under ``prefix`` in two state dicts.

    A position embedding of another, square grid is not a difference: mmpretrain resizes it on
    loading. A mask token that the model lacks is none either: without a mask nothing reads it.
    """
    ours, theirs = _below(model_state, prefix), _below(checkpoint_state, prefix)
    return BackboneReport(
        missing=tuple(prefix + name for name in ours if name not in theirs),
        unexpected=tuple(prefix + name for name in theirs
                         if name not in ours and not _is_mask_token(prefix + name)),
        mismatched={
            prefix + name: (shape, theirs[name])
            for name, shape in ours.items()
            if theirs.get(name, shape) != shape and not _is_resizable(name, shape, theirs)
        })


def check_backbone(model_state: Mapping[str, Tensor],
                   checkpoint_state: Mapping[str, Tensor],
                   prefix: str = 'backbone.') -> BackboneReport:
    """:func:`compare_backbone`, but a difference is an error.

    With ``prefix=''`` the states are compared whole: of encoders, or of models with an encoder.

    Raises:
        ConfigError: Naming the differences, what the checkpoint holds, and the remedy; or because
            the model has no weight under ``prefix``.
    """
    if not _below(model_state, prefix):
        raise ConfigError(f'prefix={prefix!r}: the model has no weight whose name starts so '
                          f'(it has {_some(model_state)})')
    report = compare_backbone(model_state, checkpoint_state, prefix)
    if report.fits:
        return report
    if prefix or not _below(model_state, 'backbone.'):
        raise ConfigError(f'the checkpoint is not of this encoder: {report}. '
                          + _remedy(report, model_state, checkpoint_state, prefix))
    encoder = compare_backbone(model_state, checkpoint_state)
    raise ConfigError(f'the checkpoint is not of this model: {report}. ' + (
        'Its encoder fits, the rest does not: give a checkpoint that this config has trained, not '
        'one of pretraining or of other classes' if encoder.fits else
        _remedy(encoder, model_state, checkpoint_state, 'backbone.')))


def _below(state: Mapping[str, Tensor], prefix: str) -> dict[str, Shape]:
    return {name.removeprefix(prefix): tuple(value.shape)
            for name, value in state.items() if name.startswith(prefix)}


def _is_mask_token(name: str) -> bool:
    return re.match(MASK_TOKENS, name.removeprefix('backbone.')) is not None


def _is_resizable(name: str, shape: Shape, theirs: Mapping[str, Shape]) -> bool:
    """Whether mmpretrain can interpolate this weight: it takes the grid for a square."""
    if name.rpartition('.')[2] != 'pos_embed':
        return False
    if len(theirs[name]) != 3 or theirs[name][::2] != shape[::2]:
        return False
    patches = theirs[name][1] - (name.removesuffix('pos_embed') + 'cls_token' in theirs)
    return math.isqrt(patches)**2 == patches


def _remedy(report: BackboneReport, model_state: Mapping[str, Tensor],
            checkpoint_state: Mapping[str, Tensor], prefix: str) -> str:
    ours, theirs = _below(model_state, prefix), _below(checkpoint_state, prefix)
    if not theirs:
        return (f"It has no name that starts with '{prefix}' (it has {_some(checkpoint_state)}): "
                'give a checkpoint of tools/train.py, or convert it with tools/model_converters')
    if set(report.missing) == {f'{prefix}ln2.weight', f'{prefix}ln2.bias'}:
        if report.unexpected:
            return ('This config fine-tunes: name the pretrained encoder in '
                    'model.backbone.init_cfg.checkpoint; test, or load_from, a checkpoint that '
                    'fine-tuning has saved')
        return ("ln2 comes from out_type='avg_featmap' and is not pretrained: use "
                "out_type='featmap' and average the map (necks: GlobalAveragePooling)")
    if set(report.mismatched) == {f'{prefix}pos_embed'}:
        return ('mmpretrain resizes a position embedding of a square grid only: '
                'set img_size to that of pretraining')
    held, built = _describe(theirs), _describe(ours)
    if held and built and held != built:
        return (f'The checkpoint holds a ViT of {held}; this config builds {built}: '
                'pick the config that matches the checkpoint')
    return 'Pick the config that matches the checkpoint, or a checkpoint that is complete'


def _describe(shapes: Mapping[str, Shape]) -> str | None:
    """Size of a ViT, or of a hybrid, as text; None for another encoder."""
    pattern = re.compile(r'patch_embed\.(stages\.\d+\.)?projection\.weight$')
    projections = [shape for name, shape in shapes.items() if pattern.match(name)]
    blocks = [int(m[1]) for m in map(re.compile(r'layers\.(\d+)\.').match, shapes) if m]
    if not projections or not blocks:
        return None
    *stages, (width, *_) = projections
    side = ' x '.join(str(shape[-1]) for shape in projections)
    text = f'width {width}, {max(blocks) + 1} blocks and patch size {side}'
    if stages:
        text += f' after convolutional stages of width {", ".join(str(s[0]) for s in stages)}'
    return text


def _some(names: Mapping | tuple | list, limit: int = 4) -> str:
    return ', '.join(list(names)[:limit]) + (', ...' if len(names) > limit else '')
