"""conditional_mae_study.py: the published grid and numbers; minimal commands and configs."""
import argparse
import shlex
import sys
from itertools import product

import pytest
from mmengine.config import Config

from mmguided.cli.arguments import add_run_arguments
from tests.helpers.configs import differences, load
from tests.helpers.tools import import_tool


@pytest.fixture(scope='module')
def study():
    return import_tool('../projects/conditional_mae_study/conditional_mae_study')


@pytest.fixture
def run(study, monkeypatch, capsys):
    """Run the tool; return the printed lines."""

    def call(*args):
        monkeypatch.setattr(sys, 'argv', ['conditional_mae_study.py', *map(str, args)])
        study.main()
        return capsys.readouterr().out.splitlines()

    return call


def test_the_study_is_the_papers_grid(study):
    """The settings are those of Sec. 3.1.1, 3.1.2 and A.3.1, Tables 1, 3, 4 and 7, and footnote
    6."""
    settings = [case for case in study.settings() if case.shot_weights == 'equal']

    def shots(count, encoder='vit-s'):
        return {c.shots for c in settings if c.encoder == encoder and len(c.shots) == count}

    # One shot: four layers with two ratios each, and two more ratios before layer 0.
    one = {shot for shot, in shots(1)}
    layers = {layer for layer, _ in one}
    assert layers == {0, 3, 6, 9} and set(product(layers, (.75, .9))) <= one
    assert {layer for layer, ratio in one if ratio not in (.75, .9)} == {0}
    assert len(one) == 4 * 2 + 2
    # Two shots: the second before five layers, with four ratios after .75 and one more after .9.
    assert len(shots(2)) == 5 * 4 + 5 * 5
    first, second = zip(*shots(2), strict=True)
    assert set(first) == set(product([0], (.75, .9)))
    assert set(second) == set(product((3, 6, 9, 10, 11), (.5, .25, .15, .1, .05)))
    assert {first for first, (_, ratio) in shots(2) if ratio == .05} == {(0, .9)}
    # Three shots: Table 7, which includes the best setting.
    assert len(shots(3)) == 20 and {three[0][0] for three in shots(3)} == {0}
    assert ((0, .75), (10, .1), (11, .1)) in shots(3)
    # ViT-B takes the best of them; both weightings are of two shots that both have.
    assert (len(shots(1, 'vit-b')), len(shots(2, 'vit-b')), len(shots(3, 'vit-b'))) == (2, 3, 0)
    assert shots(2, 'vit-b') <= shots(2) and shots(1, 'vit-b') <= shots(1)
    for weights in ('uniform', 'ratio'):
        weighted = [case for case in study.settings() if case.shot_weights == weights]
        assert len(weighted) == 2 and {case.shots for case in weighted} <= shots(2)


def test_every_number_is_of_a_setting(study):
    """A number with a wrong key would not be shown."""
    names = {case.name for case in study.settings()}
    assert study.LINEAR.keys() | study.FINE_TUNED.keys() <= names
    three = [case for case in study.settings() if len(case.shots) == 3]
    assert len(three) == sum(map(len, study.THREE_SHOTS.values()))
    assert all(case.fine_tuned for case in three)  # Table 7 is complete
    numbers = [number for case in study.settings() for number in (case.linear, case.fine_tuned)]
    # Table 1 has 8, Table 3 has 8, Sec. 3.1.3 has 2 linear; Table 4 has 3 more of ViT-B, footnote 6
    # has 4 more, Table 7 has 20.
    assert sum(number is not None for number in numbers) == 8 + 8 + 2 + 3 + 4 + 20
    assert all(25 < number < 90 for number in numbers if number is not None)


def told(study):
    """Linear and fine-tuned accuracy by encoder, notation and weights."""
    return {(case.encoder[-1], case.notation, case.shot_weights): (case.linear, case.fine_tuned)
            for case in study.settings()}


def test_numbers_of_each_table_as_printed(study):
    numbers = told(study)
    assert numbers['s', 'L(0;.75)', 'equal'] == (45., 82.5)  # Table 1
    assert numbers['b', 'L(0;.9)', 'equal'] == (57.9, 85.6)
    assert numbers['s', 'L(0,10;.9,.1)', 'ratio'] == (36.3, 82.)  # Table 3
    assert numbers['s', 'L(0,10;.75,.15)', 'uniform'] == (31., 83.9)
    assert numbers['b', 'L(0,11;.75,.1)', 'equal'] == (None, 87.26)  # Table 4
    assert numbers['s', 'L(0,4,8;.5,.5,.5)', 'equal'] == (None, 66.42)  # Table 7
    assert numbers['s', 'L(0,8,10;.75,.1,.1)', 'equal'] == (None, 81.6)
    assert numbers['s', 'L(0,6,11;.75,.25,.1)', 'equal'] == (None, 77.7)
    assert numbers['s', 'L(0;.905)', 'equal'] == (None, 81.1)  # footnote 6
    assert max(numbers.values(), key=lambda pair: pair[1] or 0)[1] == 87.66  # Sec. 3.3
    best = max((fine, key) for key, (_, fine) in numbers.items() if key[0] == 's' and fine)
    assert best == (84.6, ('s', 'L(0,10;.75,.1)', 'equal'))


@pytest.fixture(scope='module')
def base():
    return load('conditional_mae/vit-b_300e_in100').to_dict()


def changes(case):
    """Fields that differ from the base config."""
    shots, weights = case.shots, case.shot_weights
    return {**({} if shots == ((0, .75), (10, .1)) else {'model.mask_generator.shots': shots}),
            **({} if weights == 'equal' else {'model.shot_weights': weights}),
            **({'model.backbone.arch': 'small'} if case.encoder == 'vit-s' else {})}


def test_the_printed_commands_are_those_settings_and_change_nothing_else(study, run, base):
    parser = argparse.ArgumentParser()
    parser.add_argument('config')
    parser.add_argument('gpus')
    add_run_arguments(parser)
    settings, (_, *lines) = list(study.settings()), run()
    for case, line in zip(settings, lines, strict=True):
        script, *words = shlex.split(line[line.index('tools/'):])
        args = parser.parse_args(words)
        assert (script, args.config, args.gpus) == (
            'tools/dist_train.sh', 'configs/conditional_mae/vit-b_300e_in100.py', '8')
        assert args.work_dir == f'work_dirs/conditional_mae/{case.name}'
        cfg = load('conditional_mae/vit-b_300e_in100')
        cfg.merge_from_dict(args.cfg_options)
        assert differences(base, cfg.to_dict()) == changes(case)
        numbers = [number for number in (case.linear, case.fine_tuned) if number]
        assert all(f' {number} ' in line for number in numbers)
        assert case.notation in line.split()


def test_written_configs_are_those_settings_and_change_nothing_else(study, run, base, tmp_path):
    folder = tmp_path / 'new' / 'folder'
    assert run('--out', folder) == [f'84 configs written to {folder}']
    cases = {case.name: case for case in study.settings()}
    assert {path.stem for path in folder.iterdir()} == cases.keys() and len(cases) == 84
    for name in sorted(cases)[::5]:
        cfg = Config.fromfile(str(folder / f'{name}.py'))
        assert differences(base, cfg.to_dict()) == changes(cases[name])


def test_settings_by_name(run):
    _, *lines = run('--only', 'vit-b_0-*')
    assert [line.split()[0] for line in lines] == [
        'vit-b_0-10_0.75-0.1', 'vit-b_0-10_0.75-0.15', 'vit-b_0-11_0.75-0.1']
    with pytest.raises(SystemExit, match=r"--only='vit-l_\*'"):
        run('--only', 'vit-l_*')
