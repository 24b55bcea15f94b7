"""Benchmark configs: command in the header, row in the README, entry in the metafile."""
import re

import pytest
import yaml

from tests.helpers.benchmarks import load, names
from tests.helpers.colors import CONFIGS
from tests.helpers.configs import docstring

FOLDERS = sorted(path.name for path in CONFIGS.iterdir() if path.is_dir())


@pytest.mark.parametrize('folder', FOLDERS)
def test_every_config_is_in_readme_and_metafile(folder):
    configs = names(folder)
    rows = re.findall(r'^\|.*', (CONFIGS / folder / 'README.md').read_text(), re.M)
    links = set(re.findall(r'\]\(([\w.-]+)\.py\)', ''.join(rows)))
    assert links == {name.partition('/')[2] for name in configs}
    models = yaml.safe_load((CONFIGS / folder / 'metafile.yml').read_text())['Models']
    assert [model['Config'] for model in models] == [
        f'configs/benchmarks/{name}.py' for name in configs]
    for name, model in zip(configs, models, strict=True):
        assert model['Name'] == f'benchmarks_{name}'.replace('/', '_')
        assert f'configs/benchmarks/{name}.py' in docstring(f'benchmarks/{name}')
        if train_cfg := load(name).get('train_cfg'):
            stated = model['Metadata']
            assert stated.get('Epochs') == train_cfg.get('max_epochs')
            assert stated.get('Iterations') == train_cfg.get('max_iters')
            assert stated['Batch Size'] == load(name).auto_scale_lr.base_batch_size
