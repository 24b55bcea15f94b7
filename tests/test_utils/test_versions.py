"""Without usable toolboxes, ``import mmguided`` raises one line with the packages to install; the
configs of both families are found."""
import subprocess
import sys
from importlib.util import find_spec

import pytest
from mmengine.config import utils as config_utils
from mmpretrain.utils import dependency

from mmguided.utils import versions


def _install(monkeypatch, **distributions):
    """Pretend that only ``distributions`` (dashes as underscores) are installed."""
    known = {name.replace('_', '-'): version for name, version in distributions.items()}
    modules = {module for module, (names, _) in versions.TOOLBOXES.items()
               if any(name in known for name in names)}

    def version(name):
        if name not in known:
            raise versions.metadata.PackageNotFoundError(name)
        return known[name]

    monkeypatch.setattr(versions.metadata, 'version', version)
    monkeypatch.setattr(versions, 'find_spec',
                        lambda name: name if name in modules or name in known else None)


ONEDL = dict(onedl_mmengine='0.10.12', onedl_mmcv='2.3.6', onedl_mmpretrain='1.3.6')
ORIGINALS = dict(mmengine='0.10.7', mmcv='2.1.0', mmpretrain='1.2.0')


@pytest.mark.parametrize('family', [ONEDL, ORIGINALS], ids=['onedl', 'openmmlab'])
def test_either_family_will_do(monkeypatch, family):
    _install(monkeypatch, **family)
    versions.check_requirements()


@pytest.mark.parametrize('installed, complaint', [
    (dict(mmengine='0.10.7', mmpretrain='1.2.0'), 'needs mmcv. '),
    (ORIGINALS | dict(mmengine='0.7.4'), 'needs mmengine >= 0.8.3, found mmengine 0.7.4. '),
    (ORIGINALS | dict(mmcv='2.0.0rc4'), 'needs mmcv >= 2.0.0, found mmcv 2.0.0rc4. '),
    (dict(mmengine='0.10.7', mmcv_full='1.7.2', mmpretrain='1.2.0'), 'found mmcv-full 1.7.2. '),
])
def test_a_missing_or_old_toolbox_is_named(monkeypatch, installed, complaint):
    _install(monkeypatch, **installed)
    with pytest.raises(ImportError, match=f'^mmguided .*{complaint}Run `pip install -e ') as error:
        versions.check_requirements()
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('version, expected', [('4.57.1', True), ('5.0.0', False)])
def test_transformers_5_leaves_out_multimodal_models(monkeypatch, version, expected):
    """mmpretrain imports them if transformers and pycocotools are installed, and they fail."""
    monkeypatch.setattr(dependency, 'WITH_MULTIMODAL', True)
    monkeypatch.setattr(sys, 'meta_path', [*sys.meta_path])
    monkeypatch.delitem(sys.modules, 'mmpretrain.models', raising=False)
    _install(monkeypatch, **ONEDL, transformers=version)
    versions.check_requirements()
    find_spec('mmpretrain.models')
    assert dependency.WITH_MULTIMODAL is expected


def test_import_without_mmengine_fails_before_anything_heavy_is_imported():
    code = '\n'.join([
        'import sys', "sys.modules['mmengine'] = None", 'try:', '    import mmguided',
        'except ImportError as error:', '    print(error)',
        "print([name for name in ('torch', 'mmcv', 'mmpretrain') if name in sys.modules])"])
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    first, loaded = result.stdout.splitlines()
    assert first.startswith('mmguided needs mmengine. Run `pip install')
    assert loaded == '[]'


@pytest.mark.parametrize('distribution, module, name', [
    (None, object(), 'mmseg'),  # the maintained fork
    ('1.2.2', object(), 'mmsegmentation'),
    (None, None, 'mmsegmentation'),  # if missing, MMEngine names the package to install
])
def test_configs_of_mmseg_are_found_in_either_family(monkeypatch, distribution, module, name):
    monkeypatch.setitem(config_utils.MODULE2PACKAGE, 'mmseg', 'mmsegmentation')
    monkeypatch.setattr(versions, 'find_spec', lambda name: module)
    monkeypatch.setattr(versions, 'installed_version',
                        lambda names: distribution and (names[0], distribution))
    versions.find_configs()
    assert config_utils.MODULE2PACKAGE['mmseg'] == name
