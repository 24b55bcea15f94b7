"""Score files, shared by running workers."""
import errno
import os
import resource

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Subset

from mmguided.datasets import ScoreMaps
from mmguided.utils.errors import ConfigError

SHAPE = 4, 2, 3


def write(maps, values):
    """Write a file of scores; return its name."""
    with maps.create() as (name, fill):
        fill(np.arange(maps.shape[0]), np.broadcast_to(np.float32(values), maps.shape))
    return name


def test_scores_are_stored_in_400_bytes_per_image(tmp_path):
    maps = ScoreMaps(tmp_path / 'new' / 'folder', (100, 14, 14))
    scores = np.random.randn(100, 14, 14).astype(np.float32) ** 3
    scores[7], scores[8] = np.nan, 3.25
    assert maps.name is None and np.isnan(maps[3]).all()
    name = write(maps, scores)
    assert np.isnan(maps[3]).all(), 'not selected yet'
    maps.use(name)
    assert maps.name == name and maps.exists(name)
    for i in range(100):
        levels = (scores[i].max() - scores[i].min()) / 65535
        np.testing.assert_allclose(maps[i], scores[i], rtol=1e-6, atol=.51 * levels)
        assert maps[i].dtype == np.float32 and maps[i].max() == scores[i].max() or i == 7
    assert (maps[8] == 3.25).all()
    assert 400 <= maps.path(name).stat().st_size / 100 < 404


def test_runs_in_one_folder_do_not_conflict_and_missing_scores_are_nan(tmp_path):
    first, second = (ScoreMaps(tmp_path, SHAPE) for _ in range(2))
    scores = np.ones((1, 2, 3), np.float32)
    with first.create() as (one, fill), second.create() as (other, fill_other):
        fill(np.array([1]), scores)
        fill_other(np.array([1]), 2 * scores)
    first.use(one)
    second.use(other)
    assert (first[1] == 1).all() and (second[1] == 2).all()
    assert all(np.isnan(first[i]).all() for i in (0, 2, 3))


def test_running_workers_see_a_new_file(tmp_path):
    maps = ScoreMaps(tmp_path, SHAPE)
    loader = DataLoader(Subset(maps, range(4)), batch_size=2, num_workers=1,
                        persistent_workers=True, multiprocessing_context='fork')
    assert torch.cat(list(loader)).isnan().all()
    for value in (1, 2):
        maps.use(write(maps, value))
        assert (torch.cat(list(loader)) == value).all()


def test_invalid_files_do_not_exist(tmp_path):
    maps = ScoreMaps(tmp_path, SHAPE)
    assert not maps.exists(write(ScoreMaps(tmp_path, (5, 2, 3)), 1))
    name = write(maps, 1)
    path = maps.path(name)
    for harm in (lambda: path.write_bytes(path.read_bytes()[:-1]),
                 lambda: path.write_bytes(b'text'), path.unlink):
        harm()
        assert not maps.exists(name)


def test_full_disk_leaves_no_file(tmp_path):
    maps = ScoreMaps(tmp_path / 'run' / 'score_maps', (100000, 14, 14))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, limits[1]))
    try:
        with pytest.raises(ConfigError, match=r"work_dir='.*run': .*40\.0 MB"):
            write(maps, 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(maps.folder.iterdir()) == []


def test_nearly_full_disk_fails_before_writing(tmp_path, monkeypatch):
    """Writing to a sparse file on a full disk would kill the process."""

    def full(*args):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(os, 'posix_fallocate', full)
    with pytest.raises(ConfigError, match="work_dir='.*': No space left on device"):
        write(ScoreMaps(tmp_path, SHAPE), 1)
    assert list(tmp_path.iterdir()) == []


def test_interruption_leaves_no_file(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        with ScoreMaps(tmp_path, SHAPE).create():
            raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
