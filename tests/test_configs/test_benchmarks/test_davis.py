"""Configs of DAVIS-2017: the protocol, and that the sizes differ in nothing else."""
import pytest

from mmguided.evaluation import LabelPropagation
from tests.helpers.configs import build_without_memory, differences, docstring, load, table_row
from tests.helpers.paths import ROOT


def test_protocol():
    cfg = load('benchmarks/davis/vit-b_davis')
    model = build_without_memory(cfg)
    assert isinstance(model, LabelPropagation)
    assert model.settings == dict(num_last_frames=7, radius=12, topk=5, temperature=.1)
    assert model.input_size(480, 854) == (480, 848) and model.backbone.embed_dims == 768
    dataset = cfg.test_dataloader.dataset
    assert (dataset.data_root, dataset.ann_file) == ('data/DAVIS', 'ImageSets/2017/val.txt')
    assert cfg.test_dataloader.batch_size == 1


@pytest.mark.parametrize('size, arch', [('s', 'small'), ('l', 'large')])
def test_sizes_differ_in_the_encoder_alone(size, arch):
    name = f'benchmarks/davis/vit-{size}_davis'
    changed = differences(
        load('benchmarks/davis/vit-b_davis').to_dict(), load(name).to_dict())
    assert changed == {'model.backbone.arch': arch}
    assert f'tools/dist_test.sh configs/{name}.py CHECKPOINT 8' in docstring(name)


def test_numbers_are_the_papers():
    """Table 4: J&F, J and F of MAE, of either part alone, and of both."""
    readme = (ROOT / 'configs/benchmarks/davis/README.md').read_text()
    for row, numbers in (('MAE, as', ['51.0', '49.4', '52.6']),
                         ('masks alone', ['53.8', '51.8', '55.8']),
                         ('targets alone', ['54.6', '52.9', '56.3']),
                         ('CMT-MAE (CLIP', ['57.6', '56.7', '58.5'])):
        assert table_row(readme, row)[1:] == [*numbers, '`vit-b_davis`', 'not measured']
    said = docstring('benchmarks/davis/vit-b_davis')
    assert 'CMT-MAE reports: 57.6, 56.7, 58.5; of MAE: 51.0, 49.4, 52.6' in said
