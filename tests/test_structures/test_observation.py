"""Observation requests and results."""
import pytest
import torch

from mmguided.structures import Observation, Wants, unite_wants
from mmguided.structures.observation import resolve_layers
from mmguided.utils.errors import ConfigError


def test_layers_are_resolved_and_checked():
    assert resolve_layers(None, 3) == [0, 1, 2]
    assert resolve_layers([-1, 0, 2], 3) == [0, 2]
    with pytest.raises(IndexError, match=r'layer 3 is out of range.*3 layers.*-3\.\.2'):
        resolve_layers([3], 3)
    wants = Wants(attention=frozenset({(None, 'heads'), (-1, None)}), relations=frozenset({-2}))
    assert wants.resolve(3) == Wants(
        attention=frozenset({(0, 'heads'), (1, 'heads'), (2, 'heads'), (2, None)}),
        relations=frozenset({1}))


def test_questions_of_several_parts_unite_by_encoder():
    attention = Wants(attention=frozenset({(-1, 'heads')}), relations=frozenset({1}))
    both = Wants(True, frozenset({(0, None)}), frozenset({-1}))
    united = unite_wants(
        dict(momentum=attention), {}, dict(momentum=both, student=Wants(tokens=True)))
    assert united == dict(
        momentum=Wants(True, frozenset({(-1, 'heads'), (0, None)}), frozenset({1, -1})),
        student=Wants(tokens=True))
    assert unite_wants() == {}


def test_rows_are_given_by_rising_layer():
    rows = {(i, 'heads'): torch.full((1, 2), float(i)) for i in (0, 2)}
    seen = Observation(4, attention=rows)
    assert seen.cls_attention([2, 0], 'heads')[:, 0, 0].tolist() == [0, 2]
    assert seen.cls_attention([-2], 'heads')[:, 0, 0].tolist() == [2]


def test_a_misspelled_softmax_is_refused():
    with pytest.raises(ConfigError, match="softmax='head'"):
        Wants(attention=frozenset({(-1, 'head')}))
