"""Images in tar files."""
import errno

from mmengine.fileio import LocalBackend, register_backend


@register_backend('mmguided.shards')
class ShardBackend(LocalBackend):
    """Read images from uncompressed tar files by random access.

    A path is ``FILE.tar#OFFSET-SIZE``: the position of the image in the file, in bytes.
    ``tools/dataset_converters/make_shards.py`` writes such files and their list of paths.
    """

    def get(self, filepath: str) -> bytes:
        """Read an image.

        Raises:
            OSError: If the tar file is missing or incomplete. :class:`ImageFolder` does not skip
                such images.
        """
        path, _, span = str(filepath).rpartition('#')
        offset, size = map(int, span.split('-'))
        try:
            with open(path, 'rb') as file:
                file.seek(offset)
                content = file.read(size)
        except FileNotFoundError:
            content = b''
        if len(content) < size:
            raise OSError(errno.EIO, 'The shard is missing or incomplete. Copy it again', path)
        return content
