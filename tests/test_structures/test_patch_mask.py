"""Patch masks: counts, permutations, shots."""
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmguided.structures import PatchMask, len_keep


@given(st.integers(1, 2000), st.integers(0, 100))
def test_number_of_kept_tokens_is_the_exact_floor(num, percent):
    assert len_keep(num, percent / 100) == num * (100 - percent) // 100


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 3), st.integers(2, 40), st.sampled_from([.1, .25, .5, .75, .9]))
def test_patch_mask_is_a_permutation(batch, num, ratio):
    priority = torch.rand(batch, num)
    mask = PatchMask.from_ids(
        priority.argsort(dim=1, stable=True), ((0, len_keep(num, ratio)), ), (1, num))
    both = torch.cat((mask.ids_keep, mask.ids_mask), 1)
    assert mask.ids_keep.shape[1] == len_keep(num, ratio)
    assert torch.equal(both.sort(1).values, torch.arange(num).expand(batch, num))
    assert torch.equal(both.gather(1, mask.ids_restore), torch.arange(num).expand(batch, num))
    assert torch.equal(mask.mask.gather(1, mask.ids_keep), torch.zeros_like(priority)[:, :len(
        mask.ids_keep[0])])
    assert (mask.mask.sum(1) == mask.ids_mask.shape[1]).all()
    last = priority.sort(1).values[:, len_keep(num, ratio):]
    assert torch.equal(priority.gather(1, mask.ids_mask).sort(1).values, last)


def test_shots_by_hand():
    """Six patches: shot 1 masks three before layer 0, shot 2 one before layer 3."""
    ids = torch.tensor([[4, 0, 2, 5, 1, 3]])
    mask = PatchMask.from_ids(ids, ((0, 3), (3, 2)), (2, 3))
    assert mask.ids_keep.tolist() == [[4, 0]] and mask.ids_mask.tolist() == [[2, 5, 1, 3]]
    assert mask.mask.tolist() == [[0, 1, 1, 1, 0, 1]]
    assert mask.shot.tolist() == [[0, 1, 2, 1, 0, 1]]
    assert mask.ids_restore.tolist() == [[1, 4, 2, 5, 0, 3]]
    assert [mask.len_keep_at(layer) for layer in (-1, 0, 2, 3, 9)] == [6, 3, 3, 2, 2]
    assert mask.ids_keep_at(0).tolist() == [[4, 0, 2]]
    assert mask.mask_at(0).tolist() == [[False, True, False, True, False, True]]
    assert torch.equal(mask.mask_at(3), mask.mask.bool())
    assert (mask.num_patches, mask.len_keep, mask.grid) == (6, 2, (2, 3))


def test_no_shot_masks_nothing():
    mask = PatchMask.none(1, (2, 2))
    assert mask.mask.sum() == 0 and mask.len_keep == 4 and mask.shot.tolist() == [[0] * 4]
    assert mask.ids_keep.tolist() == [[0, 1, 2, 3]] and mask.groups.tolist() == [[[1, 0]] * 4]


def test_random_masks_are_uniform_and_of_their_ratio():
    mask = PatchMask.random(4000, (4, 4), .75, torch.device('cpu'))
    assert mask.shots == ((0, 4), ) and mask.grid == (4, 4) and (mask.mask.sum(1) == 12).all()
    assert (mask.mask.mean(0) - .75).abs().max() < 4 * (.75 * .25 / 4000)**.5
    state = torch.get_rng_state()
    same = [PatchMask.random(3, (4, 4), .5, torch.device('cpu'), torch.Generator().manual_seed(1))
            for _ in range(2)]
    assert torch.equal(same[0].ids_shuffle, same[1].ids_shuffle)
    assert torch.equal(torch.get_rng_state(), state), "torch's own generator is left alone"
