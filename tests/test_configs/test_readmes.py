"""Tables of the documentation: every config loads and builds with its options, and has the learning
rate of docs/learning_rates.md. docs/reproduce.md: complete, with valid commands."""
import argparse
import json
import re
import runpy
import shlex
import sys
from functools import cache
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmguided.analysis.measures import CKA, MEASURES, PAIR_MEASURES
from mmguided.cli.arguments import OptionAction, load_config
from mmguided.utils.configs import unset_num_classes
from mmguided.utils.renamed_configs import renamed, renaming_rules
from mmguided.utils.toolboxes import import_parts
from tests.helpers.configs import build_without_memory, load
from tests.helpers.paths import ROOT

CONFIGS = ROOT / 'configs'


def variants(page: Path, row: str) -> list[tuple[str, str]]:
    """Path of a config and options of each variant in a table row of a page. Options follow their
    config."""
    found = []
    _, *parts = re.split(r'\]\(([^)\s]+\.py)\)', row) if row.startswith('|') else ('', )
    for link, text in zip(parts[::2], parts[1::2], strict=True):
        path = (page.parent / link).resolve()
        if CONFIGS in path.parents and '_base_' not in path.parts:
            found += [(str(path.relative_to(ROOT)), options)
                      for options in re.findall(r'`--cfg-options ([^`]+)`', text) or ['']]
    return found


def rows() -> list[tuple[str, str]]:
    """Variants in the tables of all pages, without repetitions."""
    pages = sorted((*CONFIGS.rglob('README.md'), *(ROOT / 'docs').glob('*.md')))
    return list(dict.fromkeys(variant for page in pages for row in page.read_text().splitlines()
                              for variant in variants(page, row)))


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
    if cfg.model.get('backbone', {}).get('arch', 0) is None:  # that of a checkpoint
        cfg.model.backbone.update(arch='base', img_size=224, patch_size=16)
    for node in unset_num_classes(cfg.model).values():
        node['num_classes'] = 2
    if cfg.get('data_preprocessor'):
        cfg.model.setdefault('data_preprocessor', cfg.data_preprocessor)
    build(cfg.default_scope, json.dumps(cfg.model.to_dict(), sort_keys=True))


def rates() -> list[list[tuple]]:
    """Rows of docs/learning_rates.md, grouped: a default and its alternatives."""
    page, groups = ROOT / 'docs/learning_rates.md', []
    for row in page.read_text().splitlines():
        if found := variants(page, row):
            _, printed, reading, batch, lr, use, _ = (cell.strip() for cell in row.split('|')[1:-1])
            groups += [[]] if use == 'default' else []
            groups[-1].append((found, printed, *reading.split(), batch, lr))
    return groups


@pytest.mark.parametrize('group', rates(), ids=lambda group: group[0][0][0][0])
def test_a_config_has_the_documented_rate(group):
    """All printed rates of a group have a row."""
    values = set()
    for found, _, kind, value, batch, lr in group:
        values.add(float(value))
        assert float(lr) == pytest.approx(
            float(value) * dict(base=int(batch) / 256, absolute=1)[kind])
        for path, options in found:
            cfg = load(f'{path.removeprefix("configs/")} {options}')
            assert cfg.auto_scale_lr.base_batch_size == int(batch)
            assert cfg.optim_wrapper.optimizer.lr == pytest.approx(float(lr))
    printed = re.findall(r'[\d.]+(?:e-\d+)?', group[0][1])
    assert {float(number) for number in printed} <= values


REPRODUCED = (ROOT / 'docs/reproduce.md').read_text()
ARABIC = [str(number) for number in range(1, 21)]
ROMAN = 'I II III IV V VI VII VIII'.split()
#: Numbers of the tables and of the figures in each paper.
NUMBERED = {
    'ccMIM': (ARABIC[:6], ARABIC[:3]), 'CMAE': (ARABIC[:4], ARABIC[:5]),
    'CMT-MAE': (ARABIC[:5], ARABIC[:3]), 'Conditional MAE': (ARABIC[:9], ARABIC[:20]),
    'Self-guided MAE': (ARABIC[:3] + ROMAN[:5], ARABIC[:7] + ROMAN)}


@pytest.mark.parametrize('paper', NUMBERED)
def test_every_table_and_figure_has_a_row(paper):
    """A row without config and command gives a reason."""
    section = re.search(rf'^## {paper}: (\d+)$(.*?)(?=^## |\Z)', REPRODUCED, re.M | re.S)
    rows = [[cell.strip() for cell in row.split('|')[1:-1]]
            for row in section[2].splitlines() if row.startswith('|')][2:]
    assert len(rows) == int(section[1])
    names = ' '.join(name.partition(':')[0] for name, *_ in rows)
    for kind, numbers in zip(('Table', r'Fig\.'), NUMBERED[paper], strict=True):
        assert list(dict.fromkeys(re.findall(rf'{kind} ([IVX]+|\d+)', names))) == numbers
    for _, pretraining, command, note in rows:
        assert '.py' in pretraining + command or note.startswith('nothing to reproduce: ')


class Parsed(Exception):
    """The arguments of a tool are valid."""


main_of = cache(lambda script: runpy.run_path(str(ROOT / script))['main'])


@pytest.mark.parametrize('command', dict.fromkeys(re.findall(r'`python ([^`]+)`', REPRODUCED)))
def test_a_command_has_valid_arguments(command, monkeypatch):
    def stop_after_parsing(*args):
        measures = getattr(parse(*args), 'measures', None) or ()
        assert {*measures} <= {*MEASURES, *PAIR_MEASURES, CKA}
        raise Parsed

    parse = argparse.ArgumentParser.parse_args
    script, *_ = words = shlex.split(command)
    main = main_of(script)
    monkeypatch.setattr(argparse.ArgumentParser, 'parse_args', stop_after_parsing)
    monkeypatch.setattr(sys, 'argv', words)
    with pytest.raises(Parsed):
        main()


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
