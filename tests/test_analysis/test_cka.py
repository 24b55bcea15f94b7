"""Minibatch linear CKA."""
import numpy as np
import pytest
import torch

from mmguided.analysis import MinibatchCKA, unbiased_hsic


def _random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _cka(first, second, batch=16):
    cka = MinibatchCKA()
    for a, b in zip(first.split(batch), second.split(batch), strict=True):
        cka.update([a], [b])
    return cka.compute().item()


def _related(num, seed):
    first = _random(num, 8, seed=seed)
    return first, first @ _random(8, 8, seed=3) + 2 * _random(num, 8, seed=100 + seed)


def test_hsic_equals_the_u_statistic():
    """Song et al. (2012): the mean over all ordered tuples of four different samples."""
    first, second = (x @ x.mT for x in (_random(6, 3).double(), _random(6, 4, seed=1).double()))
    total, count = 0., 0
    for i in range(6):
        for j in set(range(6)) - {i}:
            for q in set(range(6)) - {i, j}:
                for r in set(range(6)) - {i, j, q}:
                    total += first[i, j] * (second[i, j] + second[q, r] - 2 * second[i, q])
                    count += 1
    assert unbiased_hsic(first, second).item() == pytest.approx((total / count).item(), rel=1e-9)


def test_cka_is_invariant_to_rotation_scale_and_shift():
    features = _random(64, 10)
    rotation, _ = torch.linalg.qr(_random(10, 10, seed=1))
    assert _cka(features, 3 * features @ rotation + 5) == pytest.approx(1, abs=1e-5)
    assert _cka(features, features @ _random(10, 10, seed=2)) < .95  # not to a linear map


def test_minibatches_estimate_the_cka_of_all_images():
    features = _random(2048, 8)
    other = features @ _random(8, 8, seed=3) + _random(2048, 8, seed=4)
    x, y = (each.double().numpy() - each.double().numpy().mean(0) for each in (features, other))
    expected = np.linalg.norm(y.T @ x)**2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))
    assert _cka(features, other, batch=16) == pytest.approx(expected, abs=.03)


def test_small_last_batch_has_little_influence():
    whole = np.std([_cka(*_related(32, seed), batch=32) for seed in range(60)])
    uneven = np.std([_cka(*_related(36, seed), batch=32) for seed in range(60)])
    assert uneven < 2 * whole


def test_all_pairs_of_layers_without_batches_below_4():
    cka = MinibatchCKA()
    cka.update([_random(3, 2)], [_random(3, 2)])
    assert cka.compute() is None
    first = [_random(8, 2, 3), _random(8, 2, 3, seed=1)]
    second = [first[1], _random(8, 5, seed=2), first[0]]
    cka.update(first, second)
    before = cka.compute()
    assert before.shape == (2, 3)
    assert before[0, 2].item() == before[1, 0].item() == pytest.approx(1)
    cka.update([x[:3] for x in first], [x[:3] for x in second])
    assert torch.equal(cka.compute(), before)
