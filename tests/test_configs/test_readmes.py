"""Rows of the README tables: every config loads and builds with its options."""
import argparse
import json
import re
import shlex
from functools import cache

import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmguided.cli.arguments import OptionAction, load_config
from mmguided.utils.configs import unset_num_classes
from mmguided.utils.renamed_configs import renamed, renaming_rules
from mmguided.utils.toolboxes import import_parts
from tests.helpers.configs import build_without_memory
from tests.helpers.paths import ROOT

CONFIGS = ROOT / 'configs'


def rows() -> list[tuple[str, str]]:
    """Path of a config and options of each variant in a table row, without repetitions."""
    found = {}
    for readme in sorted(CONFIGS.rglob('README.md')):
        for row in readme.read_text().splitlines():
            for link in re.findall(r'\]\(([^)\s]+\.py)\)', row) if row.startswith('|') else ():
                path = (readme.parent / link).resolve()
                if '_base_' not in path.parts:
                    for options in re.findall(r'`--cfg-options ([^`]+)`', row) or ['']:
                        found[str(path.relative_to(ROOT)), options] = None
    return list(found)


def read(path: str, options: str) -> Config:
    """Read a config with options as on the command line, and check it as in a run."""
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=OptionAction, default={})
    arguments = ['--cfg-options', *shlex.split(options)] if options else []
    return load_config(str(ROOT / path), parser.parse_args(arguments).cfg_options)


@cache
def build(scope: str, model: str) -> None:
    """Build a model from JSON once, on the meta device."""
    with DefaultScope.overwrite_default_scope(scope):
        build_without_memory(Config(dict(model=json.loads(model))))


@pytest.mark.parametrize('path, options', rows())
def test_a_row_loads_and_builds(path, options):
    cfg = read(path, options)
    import_parts(cfg)
    for node in unset_num_classes(cfg.model).values():
        node['num_classes'] = 2
    if cfg.get('data_preprocessor'):
        cfg.model.setdefault('data_preprocessor', cfg.data_preprocessor)
    build(cfg.default_scope, json.dumps(cfg.model.to_dict(), sort_keys=True))


def commands() -> list[tuple[str, str]]:
    """Path of a config and options of each command in the READMEs and docs, without repetitions."""
    found = {}
    pages = [ROOT / 'README.md', *(ROOT / 'docs').glob('*.md'), *CONFIGS.rglob('README.md')]
    for readme in sorted(pages):
        for line in readme.read_text().replace('\\\n', ' ').splitlines():
            command = re.match(r'(?:bash )?tools/dist_\w+\.sh (configs/\S+\.py) |'
                               r'python tools/(?:train|test)\.py (configs/\S+\.py)', line)
            if command and 'METHOD' not in line:
                options = re.search(r'--cfg-options ([^#]+)', line)
                found[command[1] or command[2], options[1].strip() if options else ''] = None
    return list(found)


@pytest.mark.parametrize('path, options', commands())
def test_a_command_loads(path, options):
    read(path, options)


@pytest.mark.parametrize('old, new', [
    ('configs/ccmim/vit-s_300e.py', 'ccmim/vit-b_300e.py --cfg-options model.backbone.arch=small'),
    ('ccmim_vit-s_300e', 'ccmim/vit-b_300e.py --cfg-options model.backbone.arch=small'),
    ('cmae_ablations_weight_0.5_300e',
     'cmae/vit-b_300e.py --cfg-options model.contrast_head.loss_weight=0.5'),
    ('/a/configs/ccmim/ablations/base_100e.py', 'ccmim/vit-b_100e.py'),
])
def test_renamed_configs(old, new):
    assert renamed(old) == f'configs/{new}'


def test_configs_that_exist_are_not_renamed_and_new_paths_exist():
    for path in CONFIGS.rglob('*.py'):
        assert renamed(str(path)) is None
    for new in renaming_rules().values():
        path = new.partition(' ')[0]
        assert '\\' in path or (CONFIGS / f'{path}.py').is_file()
