"""Every config: command in the header, link in the README, and entry in the metafile."""
import re

import pytest
import yaml

from tests.helpers.configs import docstring, load
from tests.helpers.paths import ROOT

METAFILES = sorted(path for path in (ROOT / 'configs').rglob('metafile.yml'))


@pytest.mark.parametrize('metafile', METAFILES, ids=lambda path: path.parent.name)
def test_a_folder_lists_its_configs(metafile):
    folder = metafile.parent
    configs = {str(path.relative_to(ROOT)): path for path in folder.rglob('*.py')}
    models = yaml.safe_load(metafile.read_text())['Models']
    assert sorted(model['Config'] for model in models) == sorted(configs)
    if (folder / 'README.md').exists():
        rows = str(re.findall(r'^\|.*', (folder / 'README.md').read_text(), re.M))
        links = {(folder / link).resolve() for link in re.findall(r'\]\(([^)\s]+\.py)\)', rows)}
        own = {path.resolve() for path in configs.values()
               if path.parent.name != 'guidance' and ('benchmarks' in path.parts
                                                      or 'micro' not in path.name)}
        assert own <= links
    for model in models:
        name = model['Config'].removeprefix('configs/').removesuffix('.py')
        assert model['Name'] == name.replace('/', '_')
        if 'quickstart' not in name:
            assert model['Config'] in docstring(name)
        cfg, stated = load(name), model['Metadata']
        if train_cfg := cfg.get('train_cfg'):
            size = cfg.get('auto_scale_lr', {}).get('base_batch_size', 0)
            assert (stated.get('Epochs'), stated.get('Iterations')) == (
                train_cfg.get('max_epochs'), train_cfg.get('max_iters'))
            assert stated.get('Batch Size', 0) == size
        folder = 'micro' in name or 'guidance' in name or name.endswith('images')
        if 'benchmarks' not in name:
            assert stated['Training Data'] == (
                'any folder of images' if folder else
                'ImageNet-100' if 'classes' in cfg.train_dataloader.dataset else 'ImageNet-1k')
            if size:  # --auto-scale-lr does not change the rate
                steps = cfg.optim_wrapper.get('accumulative_counts', 1)
                processes = 1 if folder else 8
                assert cfg.train_dataloader.batch_size * processes * steps == size


def test_all_configs_read_images_like_the_tools():
    """Except mmdet's protocols. The same reader is used for training, evaluation and figures."""
    assert {path.parent.name for path in (ROOT / 'configs').rglob('*.py')
            if 'LoadImageFromFile' in path.read_text()} == {'coco'}
