"""Check that the OpenMMLab packages are installed and recent enough.

The check runs at import because pip cannot require one of two packages, and the maintained
``onedl-*`` forks share the import names of the originals. The check reads only package metadata.
"""
import sys
from importlib import metadata
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, spec_from_file_location
from pathlib import Path

REMEDY = ("Run `pip install -e '.[onedl]'` (maintained forks) or `pip install -e '.[openmmlab]'` "
          '(original packages) in the folder of mmguided.')

#: Import name -> (distributions that provide it, minimum version)
TOOLBOXES = {
    'mmengine': (('onedl-mmengine', 'mmengine', 'mmengine-lite'), '0.8.3'),
    'mmcv': (('onedl-mmcv', 'mmcv', 'mmcv-lite', 'mmcv-full'), '2.0.0'),
    'mmpretrain': (('onedl-mmpretrain', 'mmpretrain'), '1.0.0'),
}


def installed_version(distributions: tuple[str, ...]) -> tuple[str, str] | None:
    """Return name and version of the first installed distribution, or None."""
    for name in distributions:
        try:
            return name, metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None


def check_requirements() -> None:
    """Check mmengine, mmcv and mmpretrain, then call :func:`find_configs`,
    :func:`provide_operators` and, with transformers >= 5, :func:`leave_out_multimodal`.

    A package without metadata (a source tree on the path) passes.

    Raises:
        ImportError: If a package is missing or too old; the message names the packages to install.
    """
    missing = [module for module in TOOLBOXES if find_spec(module) is None]
    if missing:
        raise ImportError(f'mmguided needs {", ".join(missing)}. {REMEDY}')

    from packaging.version import Version  # a requirement of mmengine

    for module, (distributions, lowest) in TOOLBOXES.items():
        found = installed_version(distributions)
        if found and Version(found[1]) < Version(lowest):
            raise ImportError(
                f'mmguided needs {module} >= {lowest}, found {found[0]} {found[1]}. {REMEDY}')

    transformers = installed_version(('transformers', ))
    if transformers and Version(transformers[1]) >= Version('5'):
        leave_out_multimodal()
    find_configs()
    provide_operators()


def find_configs() -> None:
    """Make ``_base_ = 'mmguided::...'`` work in configs, and ``'mmseg::...'`` with any distribution
    of mmseg.

    MMEngine looks for the distribution mmsegmentation, but the maintained fork has another name.
    Therefore, its configs are found by the import name ``mmseg``.
    """
    from mmengine.config.utils import MODULE2PACKAGE
    MODULE2PACKAGE['mmguided'] = 'mmguided'
    if find_spec('mmseg') is not None and not installed_version(('mmsegmentation', )):
        MODULE2PACKAGE['mmseg'] = 'mmseg'


class MultimodalFinder:
    """Import hook that switches off mmpretrain's multimodal models before they are imported."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        if name in ('mmpretrain.datasets', 'mmpretrain.models'):
            from mmpretrain.utils import dependency
            dependency.WITH_MULTIMODAL = False


def leave_out_multimodal() -> None:
    """Let mmpretrain import without its multimodal models, which fail with transformers >= 5.

    mmpretrain imports them if pycocotools and transformers are installed.
    """
    if MultimodalFinder not in sys.meta_path:
        sys.meta_path.insert(0, MultimodalFinder)


class OperatorFinder:
    """Import hook that finds ``mmcv._ext`` in :mod:`mmguided.utils.mmcv_ops`."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name == 'mmcv._ext':
            return spec_from_file_location(name, Path(__file__).with_name('mmcv_ops.py'))
        return None


def provide_operators() -> None:
    """Let mmcv find operators built on torchvision if mmcv has no compiled operators.

    The hook is the last entry of ``sys.meta_path``, so that compiled operators are preferred. It
    imports nothing until mmcv requests its operators. Import mmguided before ``mmcv.ops`` and the
    models of mmdet and mmseg, so that the hook is installed in time.
    """
    if OperatorFinder not in sys.meta_path:
        sys.meta_path.append(OperatorFinder)
