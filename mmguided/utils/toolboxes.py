"""Import the OpenMMLab toolboxes that a config needs."""
import importlib
import io
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout, suppress
from importlib.util import find_spec

from mmengine.config import Config
from mmengine.registry import Registry
from mmengine.utils import import_modules_from_strings

from .configs import walk
from .errors import ConfigError

#: Packages and scopes that a config in a checkpoint may use.
SCOPES = ('mmengine', 'mmcv', 'mmguided', 'mmpretrain', 'mmdet', 'mmseg')
#: Modules of registered classes that evaluate text, unpickle files, or import the code of a model.
_UNSAFE_MODULES = (
    'transformers', 'mmpretrain.models.multimodal', 'mmpretrain.models.retrievers',
    'mmpretrain.models.utils.huggingface', 'mmpretrain.models.classifiers.hugging_face',
    'mmpretrain.models.backbones.timm_backbone', 'mmseg.models.backbones.timm_backbone',
    'mmdet.models.language_models', 'mmdet.models.task_modules.tracking')
#: Files that ``mmengine.load`` can execute.
_UNSAFE_FILES = ('.pkl', '.pickle', '.yml', '.yaml')


def import_toolboxes(scope: str) -> None:
    """Import mmpretrain and the toolbox of ``scope``, without messages about optional packages."""
    with redirect_stdout(io.StringIO()):
        for toolbox in ('mmpretrain', scope):
            for part in ('datasets', 'models'):
                with suppress(ModuleNotFoundError):  # mmengine has neither part
                    importlib.import_module(f'{toolbox}.{part}')


def import_parts(cfg: Config) -> None:
    """Import the toolbox of ``cfg`` and its ``custom_imports``."""
    import_toolboxes(cfg.get('default_scope', 'mmengine'))
    if cfg.get('custom_imports'):
        import_modules_from_strings(**cfg.custom_imports)


def import_safe_parts(cfg: Config, path: str) -> None:
    """Call :func:`import_parts` for the config in the checkpoint ``path``, whose origin is unknown.

    Raises:
        ConfigError: If the config imports modules that are neither in :data:`SCOPES` nor already
            imported, because they may lie beside the checkpoint; if a ``type`` of the model is
            not registered, because MMEngine would import and call any object of that name; or if
            it is a class that runs the code in its arguments or files.
    """
    imports = (cfg.get('custom_imports') or {}).get('imports', ())
    for name in [imports] if isinstance(imports, str) else imports:
        if name.partition('.')[0] not in SCOPES and name not in sys.modules:
            raise _distrust(path, f'imports {name!r}')
    scopes = [('default_scope', cfg.get('default_scope', 'mmengine'))]
    parts = [part for key in ('model', 'data_preprocessor') for part in walk(cfg.get(key), key)]
    for field, value in scopes + [part for part in parts if part[0].endswith('._scope_')]:
        if value not in SCOPES:
            raise _distrust(path, f'has {field}={value!r}, which is not a package of OpenMMLab')
    import_parts(cfg)
    modules = [sys.modules.get(f'{package}.registry') for package in SCOPES]
    classes = [item for module in filter(None, modules) for registry in vars(module).values()
               if isinstance(registry, Registry) for item in _registered(registry)]
    names = {name for name, _ in classes}
    unsafe = {name for name, part in classes
              if getattr(part, '__module__', '').startswith(_UNSAFE_MODULES)}
    for field, value in parts:
        if field.endswith('.type'):
            scope, _, name = str(value).rpartition('.')
            # mmdet looks up some names, such as RoIAlign, in mmcv.ops.
            if scope not in ('', *SCOPES) or name not in names and (
                    scope or not name.isidentifier() or find_spec(name)):
                raise _distrust(path, f'has {field}={value!r}, which is not a registered class')
            if name in unsafe:
                raise _distrust(path, f'has {field}={value!r}, which can run code')
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
