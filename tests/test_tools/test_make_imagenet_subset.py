"""make_imagenet_subset.py: the list of classes of ImageNet-100 and others, by seed."""
import subprocess
import sys

from mmguided.datasets import ImageFolder
from tests.helpers.images import write_image
from tests.helpers.paths import ROOT

TOOL = ROOT / 'tools/dataset_converters/make_imagenet_subset.py'


def run_subset_tool(*args):
    return subprocess.run(
        [sys.executable, TOOL, *map(str, args)], capture_output=True, text=True)


def test_subset_tool(tmp_path):
    root, out = tmp_path / 'train', tmp_path / 'subsets/list.txt'
    for i in range(20):
        write_image(root / f'n{i:02}/1.png')
    drawn = []
    for seed in (0, 0, 1):
        done = run_subset_tool(root, '--num-classes', 5, '--seed', seed, '--out', out)
        assert done.returncode == 0, done.stderr
        drawn.append(out.read_text().split())
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(set(drawn[0])) == 5 and drawn[0] == sorted(drawn[0])
    assert ImageFolder(str(root), classes=str(out), pipeline=[]).CLASSES == tuple(drawn[2])

    (tmp_path / 'mine.txt').write_text('n03\nn99\n')
    refused = run_subset_tool(root, '--check', tmp_path / 'mine.txt', '--out', out)
    assert refused.returncode == 2 and '1 of 2 names are no sub-folders' in refused.stderr
    assert 'has 20 classes' in run_subset_tool(root, '--num-classes', 21, '--out', out).stderr
