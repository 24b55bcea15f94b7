"""Which checkpoint a config names, and whether the encoder in it is the encoder of the config: pure
functions over settings and state dicts.
"""
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmengine.model import PretrainedInit
from mmengine.registry import WEIGHT_INITIALIZERS
from torch import Tensor

from .errors import ConfigError

Shape = tuple[int, ...]


def pretrained_settings(init_cfg: dict | Sequence[dict] | None) -> dict | None:
    """The dict of ``init_cfg`` that names a checkpoint, in any of MMEngine's ways to write it."""
    for settings in [init_cfg] if isinstance(init_cfg, dict) else init_cfg or []:
        kind = settings.get('type')
        if isinstance(kind, str):
            kind = WEIGHT_INITIALIZERS.get(kind)
        if kind is PretrainedInit:
            return settings
    return None


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
    """Compare the names and shapes of the weights under ``prefix``.

    A position embedding of another, square grid is no difference: mmpretrain resizes it on loading.

    Args:
        model_state: State dict of the model.
        checkpoint_state: State dict of the checkpoint.
        prefix: What stands before the encoder's names in both.
    """
    ours, theirs = _below(model_state, prefix), _below(checkpoint_state, prefix)
    return BackboneReport(
        missing=tuple(prefix + name for name in ours if name not in theirs),
        unexpected=tuple(prefix + name for name in theirs if name not in ours),
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
