"""Result files that tools extend."""
import hashlib

from mmguided.cli.records import file_hash, names_hash


def test_hash_of_a_file_in_python_3_10(tmp_path, monkeypatch):
    """hashlib.file_digest is new in Python 3.11."""
    monkeypatch.delattr(hashlib, 'file_digest', raising=False)
    content = b'weights' * 400_000  # longer than a block
    (tmp_path / 'a.pth').write_bytes(content)
    assert file_hash(tmp_path / 'a.pth') == hashlib.sha256(content).hexdigest()


def test_hash_of_the_names_behind_links(tmp_path):
    disk, data = tmp_path / 'disk', tmp_path / 'data'
    disk.mkdir()
    data.mkdir()
    (disk / 'loop').symlink_to(disk)
    (data / 'train').symlink_to(disk)
    (data / 'up').symlink_to(tmp_path)  # the results of the tool may be there
    before = names_hash([str(data)])
    (tmp_path / 'results.json').touch()
    assert names_hash([str(data)]) == before
    (disk / '1.png').touch()
    assert names_hash([str(data)]) != before
