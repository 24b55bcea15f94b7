"""Comparison of the classes of two datasets."""
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from mmguided.utils.classes import check_same_classes, class_names
from mmguided.utils.errors import ConfigError


@pytest.mark.parametrize('names, different', [
    ('ab', 'c'), ('abcd', 'd'), ('abd', 'c, d'), ('cba', 'only in their order'), ('abc', None),
    ('', None)])
def test_the_classes_of_two_datasets(names, different):
    """Without class 'b', class 'c' would get the label of 'b'."""
    train, val = (SimpleNamespace(data_root='a folder', metainfo=dict(classes=list(order)))
                  for order in ('abc', names))
    with pytest.raises(ConfigError) if different else nullcontext() as error:
        check_same_classes('val', val, 'train', class_names(train))
    if different:
        assert str(error.value).startswith("val.data_root='a folder': ")
        assert f'({different})' in str(error.value)
