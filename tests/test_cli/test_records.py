"""Result files that tools extend."""
import hashlib

from mmguided.cli.records import file_hash


def test_hash_of_a_file_in_python_3_10(tmp_path, monkeypatch):
    """hashlib.file_digest is new in Python 3.11."""
    monkeypatch.delattr(hashlib, 'file_digest', raising=False)
    content = b'weights' * 400_000  # longer than a block
    (tmp_path / 'a.pth').write_bytes(content)
    assert file_hash(tmp_path / 'a.pth') == hashlib.sha256(content).hexdigest()
