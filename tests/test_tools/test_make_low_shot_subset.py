"""make_low_shot_subset.py: lists of a few labeled images, SimCLR's or drawn."""
import pytest

from mmguided.datasets import ImageFolder
from tests.helpers.images import write_image
from tests.helpers.tools import run_tool

TOOL = 'dataset_converters/make_low_shot_subset.py'


@pytest.fixture
def train(tmp_path):
    """Three classes of 5, 6 and 7 images, named as ImageNet's."""
    for i, count in enumerate((5, 6, 7)):
        for j in range(count):
            write_image(tmp_path / f'train/n0{i}/n0{i}_{j}.JPEG')
    return tmp_path / 'train'


def lines_of(monkeypatch, train, *args):
    out = train.parent / 'subsets/list.txt'
    run_tool(monkeypatch, TOOL, train, *args, '--out', out)
    return out.read_text().splitlines()


def error_of(monkeypatch, capsys, train, *args):
    with pytest.raises(SystemExit) as stop:
        run_tool(monkeypatch, TOOL, train, *args, '--out', train.parent / 'list.txt')
    assert stop.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


def test_a_list_of_names_gets_folders_and_labels(monkeypatch, train, tmp_path):
    (tmp_path / '1percent.txt').write_text('n02_6.JPEG\nn00_1.JPEG\nn02_0.JPEG\n')
    lines = lines_of(monkeypatch, train, '--names', tmp_path / '1percent.txt')
    assert lines == ['n02/n02_6.JPEG 2', 'n00/n00_1.JPEG 0', 'n02/n02_0.JPEG 2']
    dataset = ImageFolder(str(tmp_path), 'train', with_label=True, pipeline=[],
                          ann_file='subsets/list.txt')
    assert [dataset[i]['gt_label'] for i in range(3)] == [2, 0, 2]
    assert dataset[1]['img_path'] == str(train / 'n00/n00_1.JPEG')


def test_a_draw_is_balanced_and_follows_the_seed(monkeypatch, train):
    """8 of 18 images: 2 of one class and 3 of each of the others."""
    drawn = [lines_of(monkeypatch, train, '--percent', 45, '--seed', seed) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    for lines in drawn:
        assert len(set(lines)) == 8
        assert sorted(sum(line.endswith(f' {label}') for line in lines)
                      for label in range(3)) == [2, 3, 3]
        assert all(line[:3] == f'n0{line[-1]}' == line[4:7] for line in lines)
    assert len(lines_of(monkeypatch, train, '--percent', 17)) == 3


@pytest.mark.parametrize('names, said', [
    ('n00_1.JPEG n09_1.JPEG n00_7.JPEG', '2 of 3 images are in no sub-folder: n09_1.JPEG, n00_7'),
    ('n00_1.JPEG n00_1.JPEG', 'must name at least one image, and none twice'),
    ('', 'must name at least one image, and none twice'), (None, 'no such file')])
def test_wrong_names_are_told(monkeypatch, capsys, train, tmp_path, names, said):
    if names is not None:
        (tmp_path / 'names.txt').write_text('\n'.join(names.split()))
    error = error_of(monkeypatch, capsys, train, '--names', tmp_path / 'names.txt')
    assert f'--names {tmp_path}/names.txt: {said}' in error


@pytest.mark.parametrize('percent, said', [
    (5, '1 images are 0.3 of each of 3 classes, and n00 has 5'),
    (90, '16 images are 5.3 of each of 3 classes, and n00 has 5')])
def test_a_share_that_no_draw_can_give_is_told(monkeypatch, capsys, train, percent, said):
    error = error_of(monkeypatch, capsys, train, '--percent', percent)
    assert error.endswith(f'--percent {percent}: {said}')


def test_other_folders_are_told(monkeypatch, capsys, train, tmp_path):
    assert error_of(monkeypatch, capsys, tmp_path / 'none', '--percent', 50).endswith(
        f'root={tmp_path}/none: no such folder')
    write_image(train / 'n01/n00_1.JPEG')
    (tmp_path / 'names.txt').write_text('n00_2.JPEG')
    assert error_of(monkeypatch, capsys, train, '--names', tmp_path / 'names.txt').endswith(
        'several sub-folders have images of the same name')
