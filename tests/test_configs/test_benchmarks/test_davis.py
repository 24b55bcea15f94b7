"""Config of DAVIS-2017: protocol."""
import pytest

from mmguided.evaluation import LabelPropagation
from tests.helpers.benchmarks import load
from tests.helpers.configs import build_without_memory


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
