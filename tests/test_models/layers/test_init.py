"""Weight initialization of MAE."""
import torch
from torch import nn

from mmguided.models.layers import init_transformer_weights


def test_linear_layers_are_xavier_uniform_norms_are_the_identity_and_others_are_left():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(40, 60), nn.LayerNorm(60), nn.Linear(60, 20, bias=False), nn.Conv1d(4, 4, 1))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(7.)
    init_transformer_weights(model)
    first, norm, second, other = model
    for layer, fans in ((first, 100), (second, 80)):
        bound = (6 / fans)**.5
        assert .95 * bound < layer.weight.abs().max() <= bound
        assert abs(layer.weight.mean()) < .1 * bound
    assert not first.bias.any()
    assert (norm.weight == 1).all() and not norm.bias.any()
    assert all((parameter == 7).all() for parameter in other.parameters())
