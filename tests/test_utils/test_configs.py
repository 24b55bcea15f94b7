"""Reading configs without torch."""
import pytest
from mmengine.model import PretrainedInit

from mmguided.utils.configs import pretrained_settings, walk

NAMED = dict(type='Pretrained', checkpoint='x.pth')


@pytest.mark.parametrize('init_cfg, found', [
    (NAMED, NAMED),
    ([dict(type='Xavier', layer='Linear'), NAMED], NAMED),
    (dict(type=PretrainedInit, checkpoint='x.pth'), dict(type=PretrainedInit, checkpoint='x.pth')),
    (dict(type='Xavier', layer='Linear'), None), (None, None)])
def test_the_settings_that_name_a_checkpoint_are_found(init_cfg, found):
    assert pretrained_settings(init_cfg) == found


def test_walk_names_everything_once():
    node = dict(a=[1, dict(b=2)], c='x')
    assert dict(walk(node, 'top')) == {
        'top': node, 'top.a': node['a'], 'top.a.0': 1, 'top.a.1': dict(b=2), 'top.a.1.b': 2,
        'top.c': 'x'}
