"""The notebooks run from top to bottom and contain no outputs."""
import json

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from tests.helpers.paths import ROOT

NOTEBOOKS = sorted((ROOT / 'docs/notebooks').glob('*.ipynb'))


@pytest.mark.parametrize('path', NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_kept_without_outputs(path):
    notebook = json.loads(path.read_text())
    assert notebook['nbformat'] == 4
    cells = [cell for cell in notebook['cells'] if cell['cell_type'] == 'code']
    assert cells and all(not cell['outputs'] and cell['execution_count'] is None for cell in cells)


def test_inspect():
    """Run the cells as Jupyter does, without Jupyter."""
    notebook = json.loads((ROOT / 'docs/notebooks/inspect.ipynb').read_text())
    sheets, names, fromarray = [], {}, Image.fromarray
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Image, 'fromarray', lambda array: sheets.append(array) or fromarray(array))
        for cell in notebook['cells']:
            if cell['cell_type'] == 'code':
                exec(''.join(cell['source']), names)
    assert names['clusters'].shape == names['look'].mask.shape == (3, 14, 14)
    assert all(1 < len(np.unique(clusters)) <= 4 for clusters in names['clusters'])
    assert names['colors'].min() == 0 and names['colors'].max() == 1
    assert len([sheet for sheet in sheets if sheet.shape[1] > 700]) == 2
    plt.close('all')
