"""Layer-wise decay: an option without effect. The tests of ADE20K and COCO check the rates."""
import pytest
from mmengine.registry import DefaultScope

from mmguided.utils.errors import ConfigError
from tests.helpers.configs import build_without_memory, load, parameter_groups


def test_a_rate_without_effect_is_an_error():
    cfg = load('benchmarks/ade20k/vit-b_upernet-160k')
    cfg.optim_wrapper.paramwise_cfg.custom_keys['head'] = dict(lr_mult=10)
    with DefaultScope.overwrite_default_scope('mmseg'):
        model = build_without_memory(cfg)
        with pytest.raises(ConfigError, match=r"custom_keys\['head'\]\.lr_mult=10"):
            parameter_groups(model, cfg)
