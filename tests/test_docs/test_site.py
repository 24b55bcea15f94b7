"""The documentation site of mkdocs.yml builds without warnings and contains the docstrings."""
import html
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mmguided.models import MaskGenerator
from tests.helpers.paths import ROOT

pytest.importorskip('mkdocs')


@pytest.fixture(scope='module')
def site(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp('site')
    result = subprocess.run(
        [sys.executable, '-m', 'mkdocs', 'build', '--strict', '--quiet', '--site-dir', str(out)],
        cwd=ROOT, env=os.environ | dict(NO_MKDOCS_2_WARNING='1'), capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return out


def text_of(page: Path) -> str:
    """Text of a page without tags, on one line."""
    return ' '.join(html.unescape(re.sub(r'<[^>]+>', '', page.read_text())).split())


def test_a_class_has_its_docstring(site):
    page = site / 'api/mmguided/models/mask_generators/generator/index.html'
    text = text_of(page)
    assert ' '.join(MaskGenerator.__doc__.split()[:6]) in text
    assert 'Parameters:' in text and 'Raises:' in text
    # Roles are links.
    assert 'structures/patch_mask/#mmguided.structures.patch_mask.PatchMask' in page.read_text()
    assert ':class:' not in text


def test_every_public_module_has_a_page(site):
    pages = {path.parent.relative_to(site / 'api').as_posix()
             for path in (site / 'api').rglob('index.html')}
    modules = {path.relative_to(ROOT).as_posix().removesuffix('.py').removesuffix('/__init__')
               for path in (ROOT / 'mmguided').rglob('*.py') if '.mim' not in path.parts}
    assert pages == {module for module in modules if '/_' not in module}


def test_links_between_readmes_and_to_code(site):
    """Links to folders, configs and modules, which are not pages in the repository."""
    home = (site / 'index.html').read_text()
    assert 'href="configs/mae/"' in home
    method = (site / 'configs/ccmim/index.html').read_text()
    assert 'href="../../api/mmguided/models/selfsup/ccmim/"' in method
    assert 'href="vit-b_800e.py/"' in method
    assert "_base_ = [" in text_of(site / 'configs/ccmim/vit-b_800e.py/index.html')
    assert 'href="../mae/"' in method and 'href="../cmae/"' in method  # the navigation
    assert (site / 'docs/images/analysis.png').is_file()
