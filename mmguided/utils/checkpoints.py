"""Safe reading of checkpoints, and strict loading of encoders and models."""
import math
import os
import re
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pickle import UnpicklingError

import torch
from mmengine.config import Config
from mmengine.dist import barrier, get_rank
from mmengine.logging import MMLogger, print_log
from mmengine.runner import CheckpointLoader
from mmengine.utils import to_2tuple
from torch import Tensor, nn
from torch.hub import load_state_dict_from_url
from torch.utils.data import Dataset

from .checkpoint_files import find_damage
from .classes import check_same_classes
from .configs import parse_config, preprocessor_settings
from .converters import MASK_TOKENS
from .errors import MODEL_SOURCES, ConfigError, check_file
from .exchange import local_folder, read_model_folder, read_safetensors
from .modules import full_tensor

Shape = tuple[int, ...]


# MMEngine's own loader unpickles everything if a file contains more than tensors and plain types.
@CheckpointLoader.register_scheme('', force=True)
def read_file(path: str, map_location: object = None, field: str = 'checkpoint',
              convert: bool = True) -> Mapping:
    """Read a checkpoint that contains only tensors and plain types, a ``.safetensors`` file, or a
    model folder of timm or transformers (:func:`mmguided.utils.exchange.read_model_folder`).

    MMEngine uses this function for all local files: ``load_from``, ``resume`` and ``init_cfg``. If
    the environment variable of :func:`trusts_checkpoints` is set, a file may contain any object.

    Args:
        field: Config field or argument for errors.
        convert: See :func:`mmguided.utils.exchange.read_safetensors`.

    Raises:
        ConfigError: If the file is damaged or contains other objects, which could run code.
    """
    path = os.path.expanduser(path)
    if path.endswith('.safetensors'):
        return read_safetensors(path, field, convert)
    if os.path.isdir(path):
        return _record_encoder(read_model_folder(path, field))
    # Files of torch before version 1.6 are no archives and have no checksums.
    if zipfile.is_zipfile(path) and (damage := find_damage(path)):
        raise ConfigError(f'{field}={path!r}: {damage}. Use another checkpoint.')
    return _refuse_objects(f'{field}={path!r}', torch.load, path, map_location)


@CheckpointLoader.register_scheme(MODEL_SOURCES, force=True)
def read_model(name: str, map_location: object = None, field: str = 'checkpoint') -> Mapping:
    """Read the model ``hf-hub:OWNER/NAME`` or ``timm:NAME``; see
    :func:`mmguided.utils.exchange.local_folder`."""
    return read_file(str(local_folder(name, field)), field=field)


@CheckpointLoader.register_scheme(('http://', 'https://'), force=True)
def download_file(url: str, map_location: object = None) -> Mapping:
    """Read a checkpoint from torch's cache; download it first if necessary. See :func:`read_file`.
    If the name ends with 8 or more digits of the SHA-256, such as ``mae-0a1b2c3d.pth``, the hash of
    the downloaded file is checked."""
    if get_rank() > 0:
        barrier()  # the first rank downloads
    try:
        return _refuse_objects(
            f'checkpoint={url!r}', load_state_dict_from_url, url, map_location=map_location,
            check_hash=bool(re.search(r'-[0-9a-f]{8,}\.\w+$', url)))
    finally:
        if get_rank() == 0:
            barrier()


def trusts_checkpoints() -> bool:
    """True if torch's variable TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD is set, for example by
    ``--trust-checkpoint``."""
    return os.environ.get('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '0') in ('1', 'y', 'yes', 'true')


def _refuse_objects(source: str, load: Callable[..., Mapping], *args, **kwargs) -> Mapping:
    try:
        loaded = load(*args, **kwargs, weights_only=not trusts_checkpoints())
        if isinstance(loaded, Mapping) and isinstance(loaded.get('meta'), dict):
            loaded['meta'].pop('config', None)  # which MMEngine would execute on resume
        return _record_encoder(loaded)
    except (RuntimeError, EOFError, KeyError) as error:
        raise ConfigError(f'{source}: cannot be read ({type(error).__name__}: {error}). Use '
                          'another checkpoint.') from error
    except UnpicklingError as error:
        found = re.search(r'(?:GLOBAL|function|class) ([\w.]+)', str(error))
        if not found:
            raise ConfigError(f'{source}: not a checkpoint of torch. Give the path of a '
                              'checkpoint.') from error
        raise ConfigError(
            f'{source}: contains {found[1]}, not only tensors and plain types. Such a '
            'file can run code. If you trust its author, set `--trust-checkpoint`.') from error


def _record_encoder(checkpoint: Mapping) -> Mapping:
    """Record the patch grid of position embeddings and the number of heads of the encoder in the
    metadata of the weights, see :class:`mmguided.models.MaskedViT`. What the metadata lacks is read
    from the config in the checkpoint."""
    state = weights_of(checkpoint)
    if not isinstance(state, Mapping) or not isinstance(checkpoint.get('meta'), dict):
        return checkpoint
    names = [name for name, value in state.items()
             if str(name).endswith('pos_embed') and getattr(value, 'ndim', 0) == 3]
    cfg = _config_in(checkpoint) if names else None
    if cfg is None or not isinstance(cfg.model.get('backbone'), dict):
        return checkpoint
    size, arch = to_2tuple(cfg.model.backbone.get('img_size', 224)), cfg.model.backbone.get('arch')
    if not all(isinstance(side, int) and side > 0 for side in size):
        return checkpoint
    weights = OrderedDict(state)
    weights._metadata = OrderedDict(getattr(state, '_metadata', {}))
    for name in names:
        module, positions, found = name.rpartition('.')[0], state[name].shape[1] - 1, {}
        rows = round(math.sqrt(positions * size[0] / size[1]))
        if rows and positions % rows == 0 and rows * size[1] == positions // rows * size[0]:
            found['grid'] = (rows, positions // rows)
        if module == 'backbone' and isinstance(arch, dict) and 'num_heads' in arch:
            found['num_heads'] = arch.num_heads
        weights._metadata[module] = found | weights._metadata.get(module, {})
    return {**checkpoint, 'state_dict': weights}


def _config_in(checkpoint: Mapping) -> Config | None:
    """Config in a checkpoint; None if it is not one of ours."""
    try:
        cfg = parse_config(checkpoint['meta']['cfg'])
    except (AttributeError, KeyError, SyntaxError, TypeError, ValueError):
        return None
    return cfg if isinstance(cfg.get('model'), dict) else None


def normalization_of(checkpoint: Mapping) -> dict[str, list[float]] | None:
    """``mean`` and ``std`` of the images in the training of a checkpoint; None if unknown."""
    cfg = _config_in(checkpoint)
    settings = preprocessor_settings(cfg) if cfg else {}
    found = {name: list(settings[name]) for name in ('mean', 'std') if settings.get(name)}
    return found if len(found) == 2 else None


def rename_weights(state: Mapping[str, Tensor], rename: Callable[[str], str | None]
                   ) -> OrderedDict[str, Tensor]:
    """Rename weights and their metadata. Those that ``rename`` maps to None are left out."""
    renamed = OrderedDict((new, value) for name, value in state.items()
                          if (new := rename(name)) is not None)
    renamed._metadata = OrderedDict(
        (new[:-1], entry) for module, entry in getattr(state, '_metadata', {}).items()
        if (new := rename(f'{module}.')) is not None)
    return renamed


def _without_prefix(state: Mapping[str, Tensor], prefix: str) -> OrderedDict[str, Tensor]:
    return rename_weights(state, lambda name: name.removeprefix(prefix)
                          if name.startswith(prefix) else None)


def load_checkpoint(path: str, field: str, remedy: str, convert: bool = True) -> Mapping:
    """Load all content of a checkpoint to the CPU; :func:`weights_of` extracts the weights.

    Args:
        convert: See :func:`mmguided.utils.exchange.read_safetensors`.

    Raises:
        ConfigError: If the file is missing, unreadable, could run code (see :func:`read_file`) or
            contains no weights.
    """
    check_file(field, path, remedy)
    if '://' in path:
        loaded = CheckpointLoader.load_checkpoint(path, map_location='cpu')
    elif path.startswith(MODEL_SOURCES):
        loaded = read_model(path, 'cpu', field)
    else:
        loaded = read_file(path, 'cpu', field, convert)
    state = weights_of(loaded)
    if not isinstance(state, Mapping):
        raise ConfigError(f'{field}={path!r}: contains a {type(state).__name__}, not weights by '
                          f'name. {remedy}')
    return loaded


def weights_of(checkpoint: Mapping) -> Mapping:
    """State dict of a checkpoint."""
    if isinstance(checkpoint, Mapping):
        return checkpoint.get('state_dict', checkpoint.get('model', checkpoint))
    return checkpoint


def load_encoder(encoder: nn.Module,
                 settings: Mapping,
                 unused: str | None = None,
                 new: str | None = None,
                 field: str = 'backbone.init_cfg.checkpoint',
                 resize: Callable[[dict], dict] | None = None) -> None:
    """Load an encoder's weights strictly; resize position embeddings to the encoder's grid.

    The attribute ``normalization`` of the encoder becomes that of its training, see
    :func:`normalization_of`.

    Args:
        settings: Result of :func:`mmguided.utils.configs.pretrained_settings`.
        unused: Pattern of checkpoint names to ignore.
        new: Pattern of encoder names that may be missing; they keep their initialization.
        field: Config field for errors.
        resize: Function that maps the checkpoint's weights to the resized weights, by name.

    Raises:
        ConfigError: If the file is missing, or any other weight is missing or mismatched.
    """
    path, remedy = settings.get('checkpoint'), f'Set --cfg-options model.{field}=PATH.'
    if not path:
        raise ConfigError(f'{field}={path!r}: the path is empty. {remedy}')
    checkpoint = load_checkpoint(path, field, remedy)
    state, prefix = weights_of(checkpoint), settings.get('prefix', '')
    encoder.normalization = normalization_of(checkpoint)
    theirs = _without_prefix(state, prefix)
    resized = resize(theirs) if resize else {}
    theirs.update(resized)
    left_out = [name for name in theirs if unused and re.match(unused, name)]
    ours = encoder.state_dict()
    fresh = [name for name in ours if new and re.match(new, name) and name not in theirs]
    check_backbone({prefix + name: value for name, value in ours.items() if name not in fresh},
                   {name: value for name, value in
                    {**state, **{prefix + name: value for name, value in theirs.items()}}.items()
                    if name.removeprefix(prefix) not in left_out}, prefix)
    encoder.load_state_dict(rename_weights(theirs, lambda name: None if name in left_out else name),
                            strict=False)  # only fresh weights are missing, as checked above
    notes = ''.join(f'; {what}: {_some(names)}' for what, names in (
        ('ignored', left_out), ('newly initialized', fresh), ('resized', list(resized)))
                    if names)
    MMLogger.get_current_instance().info(
        f'Every key of the encoder is loaded from {path}{notes}')


def load_weights(model: nn.Module, state: Mapping[str, Tensor], path: str) -> None:
    """Load weights that were read from ``path`` strictly; a k-NN classifier loads only the encoder.

    Raises:
        ConfigError: If the weights do not match the model.
    """
    only_encoder = all(name.startswith('backbone.') for name in model.state_dict())
    if only_encoder:
        state = rename_weights(
            state, lambda name: name if name.startswith('backbone.') else None)
    check_finite(state)
    try:
        model.load_state_dict(state, strict=True)
    except RuntimeError as error:
        check_backbone(model.state_dict(), state)
        lines = ' '.join(line.strip() for line in str(error).splitlines()[1:])
        raise ConfigError(f'pretrained={path!r}: only the encoder matches this model '
                          f'({lines[:400]}). Use a checkpoint of this config.') from error


@dataclass(frozen=True)
class BackboneReport:
    """Differences between the encoders of a model and a checkpoint.

    Attributes:
        missing: Names only in the model.
        unexpected: Names only in the checkpoint.
        mismatched: Name -> shape in the model and shape in the checkpoint.
    """
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    mismatched: dict[str, tuple[Shape, Shape]]

    @property
    def fits(self) -> bool:
        """True if there are no differences."""
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
    """Compare names and shapes of the weights with ``prefix`` in two state dicts.

    Position embeddings of another grid are ignored because encoders resize them, and so are weights
    that :func:`adapt_rgb_weights` adapts. Mask tokens that the model lacks are also ignored.
    """
    ours, theirs = _below(model_state, prefix), _below(checkpoint_state, prefix)
    return BackboneReport(
        missing=tuple(prefix + name for name in ours if name not in theirs),
        unexpected=tuple(prefix + name for name in theirs
                         if name not in ours and not re.match(
                             MASK_TOKENS, (prefix + name).removeprefix('backbone.'))),
        mismatched={
            prefix + name: (shape, theirs[name])
            for name, shape in ours.items()
            if theirs.get(name, shape) != shape and not _is_resizable(name, shape, theirs[name])
            and not _is_rgb_convolution(shape, theirs[name])
        })


def check_backbone(model_state: Mapping[str, Tensor],
                   checkpoint_state: Mapping[str, Tensor],
                   prefix: str = 'backbone.') -> BackboneReport:
    """Call :func:`compare_backbone` and :func:`check_finite`; raise ConfigError if there are
    differences.

    With ``prefix=''``, the full states of encoders or models are compared.
    """
    check_finite(checkpoint_state, prefix)
    if not _below(model_state, prefix):
        raise ConfigError(f'prefix={prefix!r}: no model weights have this prefix '
                          f'({_some(model_state)}). Correct the prefix.')
    report = compare_backbone(model_state, checkpoint_state, prefix)
    if report.fits:
        return report
    if prefix or not _below(model_state, 'backbone.'):
        raise ConfigError(f'checkpoint: the weights do not match this encoder: {report}. '
                          + _remedy(report, model_state, checkpoint_state, prefix))
    encoder = compare_backbone(model_state, checkpoint_state)
    raise ConfigError(f'checkpoint: the weights do not match this model: {report}. ' + (
        'Only the encoder matches. Use a checkpoint trained with this config, not one of '
        'pretraining or of other classes.' if encoder.fits else
        _remedy(encoder, model_state, checkpoint_state, 'backbone.')))


def adapt_rgb_weights(model_state: Mapping[str, Tensor], checkpoint_state: dict[str, Tensor],
                      prefix: str) -> None:
    """Adapt, in place, an encoder's first convolution over RGB to the N channels of a model.

    Each channel gets the mean of the RGB kernels times 3 / N, so that N equal channels have the
    output of a gray RGB image. The adaptation is logged.

    Args:
        model_state: Weights of the encoder.
        checkpoint_state: Weights of a checkpoint.
        prefix: Prefix of the encoder's weights in the checkpoint.
    """
    for name, ours in model_state.items():
        theirs = checkpoint_state.get(prefix + name)
        if theirs is None or not _is_rgb_convolution(tuple(ours.shape), tuple(theirs.shape)):
            continue
        num = ours.shape[1]
        checkpoint_state[prefix + name] = theirs.mean(1, keepdim=True).expand_as(ours) * (3 / num)
        print_log(f'{prefix}{name}: the checkpoint is for RGB images. Each of the {num} channels '
                  f'starts from the mean of the RGB kernels times 3 / {num}.', 'current')


def check_classes(checkpoint: Mapping, dataset: Dataset) -> None:
    """Raise ConfigError if the classes of test data differ from those that a classifier was trained
    on, according to its checkpoint."""
    trained = (checkpoint.get('meta') or {}).get('dataset_meta') or {}
    check_same_classes('test_dataloader.dataset', dataset,
                       'those that the checkpoint was trained on', trained.get('classes') or ())


def check_finite(state: Mapping[str, Tensor], prefix: str = '') -> None:
    """Raise ConfigError if a weight with ``prefix`` contains NaN or Inf. Without this check, the
    metrics of a diverged run would look like those of a bad encoder."""
    if broken := non_finite(state, prefix):
        raise ConfigError(f'checkpoint: contains NaN or Inf in {_some(broken)}. Its training has '
                          'diverged. Use an earlier checkpoint.')


def non_finite(state: Mapping[str, Tensor], prefix: str = '') -> list[str]:
    """Names of the tensors with NaN or Inf; the device is read once."""
    tensors = {name: value for name, value in state.items()
               if name.startswith(prefix) and isinstance(value, Tensor)}
    if not tensors:
        return []
    finite = torch.stack(
        [full_tensor(value.isfinite().all()) for value in tensors.values()]).tolist()
    return [name for name, is_finite in zip(tensors, finite, strict=True) if not is_finite]


def _below(state: Mapping[str, Tensor], prefix: str) -> dict[str, Shape]:
    return {name.removeprefix(prefix): tuple(value.shape)
            for name, value in state.items() if name.startswith(prefix)}


def _is_resizable(name: str, ours: Shape, theirs: Shape) -> bool:
    """True if only the number of positions of a position embedding differs."""
    return (name.rpartition('.')[2] == 'pos_embed' and len(theirs) == 3
            and theirs[::2] == ours[::2])


def _is_rgb_convolution(ours: Shape, theirs: Shape) -> bool:
    """True if only the input channels of a convolution differ, and the checkpoint has three."""
    return len(ours) == 4 and ours[1] != 3 and theirs == (ours[0], 3, *ours[2:])


def _remedy(report: BackboneReport, model_state: Mapping[str, Tensor],
            checkpoint_state: Mapping[str, Tensor], prefix: str) -> str:
    ours, theirs = _below(model_state, prefix), _below(checkpoint_state, prefix)
    if not theirs:
        return (f"It has no weights with the prefix '{prefix}' ({_some(checkpoint_state)}). Use a "
                'checkpoint of tools/train.py, or convert it with tools/model_converters.')
    if set(report.missing) == {f'{prefix}ln2.weight', f'{prefix}ln2.bias'}:
        if report.unexpected:
            return ('This config fine-tunes. Set model.backbone.init_cfg.checkpoint to the '
                    'pretrained encoder; test and load_from need a fine-tuned checkpoint.')
        return ("ln2, of out_type='avg_featmap', is not pretrained. Use out_type='featmap' and the "
                'neck GlobalAveragePooling.')
    held, built = _describe(theirs), _describe(ours)
    if held and built and held != built:
        return (f'The checkpoint contains a ViT of {held}; this config builds {built}. Use the '
                'config of the checkpoint.')
    return 'Use the config of the checkpoint, or a complete checkpoint.'


def _describe(shapes: Mapping[str, Shape]) -> str | None:
    """Describe a ViT or hybrid ViT; None for other encoders."""
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
