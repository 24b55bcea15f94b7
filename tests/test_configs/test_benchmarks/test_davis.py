"""Config of DAVIS-2017: the protocol, and the published numbers."""
import pytest

from mmguided.evaluation import LabelPropagation
from tests.helpers.benchmarks import load
from tests.helpers.colors import CONFIGS
from tests.helpers.configs import build_without_memory, table_row


@pytest.mark.parametrize('options, width', [
    ('', 768), (' model.backbone.arch=small', 384), (' model.backbone.arch=large', 1024)])
def test_protocol(options, width):
    cfg = load(f'davis/vit-b_davis{options}')
    model = build_without_memory(cfg)
    assert isinstance(model, LabelPropagation)
    assert model.settings == dict(num_last_frames=7, radius=12, topk=5, temperature=.1)
    assert model.input_size(480, 854) == (480, 848) and model.backbone.embed_dims == width
    dataset = cfg.test_dataloader.dataset
    assert (dataset.data_root, dataset.ann_file) == ('data/DAVIS', 'ImageSets/2017/val.txt')
    assert cfg.test_dataloader.batch_size == 1


def test_numbers_are_the_papers():
    """Table 4: J&F, J and F of MAE, of either part alone, and of both."""
    readme = (CONFIGS / 'davis/README.md').read_text()
    for row, numbers in (('MAE, in', ['51.0', '49.4', '52.6']),
                         ('only collaborative masks', ['53.8', '51.8', '55.8']),
                         ('only collaborative targets', ['54.6', '52.9', '56.3']),
                         ('CMT-MAE (CLIP', ['57.6', '56.7', '58.5'])):
        assert table_row(readme, row)[2:5] == numbers
