"""Import the OpenMMLab toolboxes that a config needs."""
import importlib
import io
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout, suppress

from mmengine.config import Config
from mmengine.registry import Registry
from mmengine.utils import import_modules_from_strings

from .configs import walk
from .errors import ConfigError

#: Packages and scopes that a config in a checkpoint may use.
SCOPES = ('mmengine', 'mmcv', 'mmguided', 'mmpretrain', 'mmdet', 'mmseg')
#: Packages whose registered classes are not trusted, except for :data:`SAFE_TYPES`.
FOREIGN = {'mmengine', 'mmcv', 'mmpretrain', 'mmdet', 'mmseg', 'torch', 'torchvision', 'timm',
           'transformers'}
#: Classes of the toolboxes that a config in a checkpoint may use: those of our configs, MAE and
#: MoCo v3. Some other classes evaluate text, unpickle files or import code.
SAFE_TYPES = frozenset('''
    AnchorGenerator BN BN1d CIFAR10 CIFAR100 CascadeRoIHead CenterCrop ClsBatchNormNeck Constant
    Conv2d CosineSimilarityLoss CrossEntropyLoss CutMix DefaultSampler DeltaXYWHBBoxCoder
    DetDataPreprocessor FCNHead FCNMaskHead FPN FPNHead Feature2Pyramid GELU GIoULoss GN
    GlobalAveragePooling ImageClassifier ImageNet L1Loss LN LN2d LabelSmoothLoss LinearClsHead
    LoadImageFromFile MAE MAEPretrainDecoder MAEPretrainHead MAEViT MaxIoUAssigner Mixup MoCoV3
    MoCoV3Head MoCoV3ViT NonLinearNeck PackInputs PixelReconstructionLoss Pretrained RPNHead
    RandomSampler ReLU ResizeEdge RoIAlign SegDataPreProcessor SelfSupDataPreprocessor
    Shared4Conv1FCBBoxHead SingleRoIExtractor SmoothL1Loss StandardRoIHead SyncBN TruncNormal
    UPerHead VisionTransformer VisionTransformerClsHead Xavier default_collate nms'''.split())
#: Files that ``mmengine.load`` can execute.
_UNSAFE_FILES = ('.pkl', '.pickle', '.yml', '.yaml')


def import_toolboxes(scope: str) -> None:
    """Import mmpretrain and the toolbox of ``scope``, without messages about optional packages.

    mmpretrain registers one layer in mmdet's registry. For this layer, it imports mmdet,
    scikit-learn and pandas, which takes as long as all other imports together. Therefore, mmdet is
    hidden from mmpretrain unless ``scope`` needs it.
    """
    hide = _hide('mmdet') if scope in ('mmpretrain', 'mmguided') else nullcontext()
    with redirect_stdout(io.StringIO()), hide:
        for toolbox in ('mmpretrain', scope):
            for part in ('datasets', 'models'):
                with suppress(ModuleNotFoundError):  # mmengine has neither part
                    importlib.import_module(f'{toolbox}.{part}')


@contextmanager
def _hide(package: str) -> Iterator[None]:
    """Let imports of a package raise ModuleNotFoundError, unless it is already imported."""
    module = sys.modules.setdefault(package, None)
    try:
        yield
    finally:
        if module is None:
            del sys.modules[package]


def import_parts(cfg: Config) -> None:
    """Import the toolbox of ``cfg`` and its ``custom_imports``."""
    import_toolboxes(cfg.get('default_scope', 'mmengine'))
    if cfg.get('custom_imports'):
        import_modules_from_strings(**cfg.custom_imports)


def import_safe_parts(cfg: Config, path: str) -> None:
    """Call :func:`import_parts` for the config in the checkpoint ``path``, whose origin is unknown.

    Raises:
        ConfigError: If the config imports a module that is neither in :data:`SCOPES` nor already
            imported, because the file of such a module may be next to the checkpoint. Also if a
            ``type`` of the model is not in :data:`SAFE_TYPES` and is registered neither by mmguided
            nor by a module that is already imported, because MMEngine would import and call any
            object of that name, and other classes of the toolboxes can run code in their arguments
            or files.
    """
    imports = (cfg.get('custom_imports') or {}).get('imports', ())
    imports = [imports] if isinstance(imports, str) else imports
    trusted = {'mmguided', *(name.partition('.')[0] for name in imports)} - FOREIGN
    for name in imports:
        if name.partition('.')[0] not in SCOPES and name not in sys.modules:
            raise _distrust(path, f'imports {name!r}')
    scopes = [('default_scope', cfg.get('default_scope', 'mmengine'))]
    parts = [part for key in ('model', 'data_preprocessor') for part in walk(cfg.get(key), key)]
    for field, value in scopes + [part for part in parts if part[0].endswith('._scope_')]:
        if value not in SCOPES:
            raise _distrust(path, f'has {field}={value!r}, which is not a package of OpenMMLab')
    import_parts(cfg)
    modules = [sys.modules.get(f'{package}.registry') for package in SCOPES]
    packages = defaultdict(set)  # which register a name
    for module in filter(None, modules):
        for registry in vars(module).values():
            for name, part in _registered(registry) if isinstance(registry, Registry) else ():
                module_name = getattr(part, '__module__', '')
                packages[name].add(module_name.partition('.')[0])
    for field, value in parts:
        if field.endswith('.type'):
            scope, _, name = str(value).rpartition('.')
            found = packages.get(name, set())
            is_ours = 'mmguided' in found if scope == 'mmguided' else (
                bool(found) and found <= trusted)
            if scope not in ('', *SCOPES) or not (is_ours or name in SAFE_TYPES):
                raise _distrust(path, f'has {field}={value!r}, which is not known to be safe')
        elif isinstance(value, str) and value.endswith(_UNSAFE_FILES):
            raise _distrust(path, f'has {field}={value!r}, a file that can run code')


def _distrust(path: str, reason: str) -> ConfigError:
    return ConfigError(f'checkpoint={path!r}: the config in this checkpoint {reason}. If you trust '
                       'it, give the path of its config in addition to the checkpoint.')


def _registered(registry: Registry) -> Iterator[tuple[str, type]]:
    """Names and classes in a registry and its children."""
    registry.import_from_location()
    yield from registry.module_dict.items()
    for child in registry.children.values():
        yield from _registered(child)
