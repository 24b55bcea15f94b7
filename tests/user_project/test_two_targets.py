"""A method and a config outside the package."""
from pathlib import Path

import torch
from mmengine.config import Config

from mmguided.registry import MODELS

HERE = Path(__file__).parent
CONFIG = HERE / 'two_targets_vit-micro.py'


def test_one_pass_of_the_momentum_encoder_gives_the_mask_and_the_target():
    cfg = Config.fromfile(CONFIG)
    model = MODELS.build(cfg.model).train()
    model.init_weights()
    model.clock.set(5)
    calls = []
    for layer in model.momentum_encoder.encoder.layers:
        layer.ffn.register_forward_hook(lambda *args: calls.append(1))
    losses = model.loss(torch.randn(4, 3, 32, 32))
    assert len(calls) == 6, 'six blocks, once each'
    assert losses['topk_overlap'] == 1 and losses['guided_share'] == 1
    (losses['loss_pixels'] + losses['loss_features']).backward()
    for name in ('head.decoder_pred.weight', 'feature_head.decoder_pred.weight',
                 'feature_head.norm.weight', 'backbone.layers.0.attn.qkv.weight'):
        assert model.get_parameter(name).grad.norm() > 0, name
    assert all(p.grad is None for p in model.momentum_encoder.parameters())
