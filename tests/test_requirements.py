"""Every package that tools/setup_env.sh installs is pinned by version and hash."""
import re
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path
from zipfile import ZipFile

import yaml
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PIN = re.compile(r'^([\w-]+)==([^ \n]+)', re.MULTILINE)


def pins(text):
    return {(canonicalize_name(name), version) for name, version in PIN.findall(text)}


def test_locked_versions():
    locked = (ROOT / 'requirements/locked.txt').read_text()
    wanted = {name: pins((ROOT / f'requirements/{name}.txt').read_text())
              for name in ('pretrain', 'docs', 'tests')}
    assert {name: len(found) for name, found in wanted.items()} == dict(
        pretrain=17, docs=6, tests=18)
    assert set.union(*wanted.values()) <= pins(locked)
    packages = re.split(r'^(?=\w)', locked, flags=re.MULTILINE)[1:]
    assert len(packages) > 140
    assert all(PIN.match(package) and '--hash=sha256:' in package for package in packages)
    assert '://' not in locked and '--index' not in locked and '--find-links' not in locked


def test_extras_have_the_locked_versions():
    setup = ConfigParser()
    setup.read(ROOT / 'setup.cfg')
    extras = pins('\n'.join(setup['options.extras_require'].values()))
    assert len(extras) == 5
    assert extras <= pins((ROOT / 'requirements/locked.txt').read_text())


def test_an_editable_install_adds_the_folder_to_the_path(tmp_path):
    """Python prefers it to a namespace package, unlike the import hook of setuptools."""
    for name in ('setup.cfg', 'setup.py', 'README.md'):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / 'mmguided').mkdir()
    for name in ('__init__.py', 'version.py'):
        shutil.copy(ROOT / 'mmguided' / name, tmp_path / 'mmguided')
    subprocess.run([sys.executable, 'setup.py', '-q', 'editable_wheel', '--dist-dir', 'dist'],
                   cwd=tmp_path, check=True, capture_output=True)
    wheel, = (tmp_path / 'dist').glob('*.whl')
    with ZipFile(wheel) as file:
        names = [name for name in file.namelist() if '.dist-info/' not in name]
        assert [name.rpartition('.')[2] for name in names] == ['pth']
        assert file.read(names[0]).decode().strip() == str(tmp_path)


def test_actions_are_pinned_by_commit():
    jobs = yaml.safe_load((ROOT / '.github/workflows/ci.yml').read_text())['jobs']
    actions = [step['uses'] for job in jobs.values() for step in job['steps'] if 'uses' in step]
    assert len(actions) == 5
    assert all(re.fullmatch(r'[\w/-]+@[0-9a-f]{40}', action) for action in actions)
