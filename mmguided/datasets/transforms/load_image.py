"""Load an image file."""
from contextlib import suppress
from io import BytesIO

import numpy as np
import torch
from mmcv.transforms import LoadImageFromFile
from mmengine import fileio
from PIL import ExifTags, Image, UnidentifiedImageError
from torchvision.io import decode_jpeg

from mmguided.registry import TRANSFORMS
from mmguided.utils.images import to_rgb


@TRANSFORMS.register_module()
class LoadImage(LoadImageFromFile):
    """Load an image file as 8-bit BGR with the conversion of all tools, see
    :func:`mmguided.utils.images.to_rgb`.

    torchvision decodes RGB JPEG files, because it is faster than Pillow. Both use libjpeg-turbo and
    give equal pixels; with 4:4:0 subsampling, pixels differ by at most 2. Pillow decodes all other
    files.

    Required key: ``img_path``. Added keys: ``img``, ``(H, W, 3)``, uint8, BGR; ``img_shape`` and
    ``ori_shape``, (height, width). The pixels are those of
    ``LoadImageFromFile(imdecode_backend='pillow')``, except that an alpha channel is also dropped
    from gray images, and that values above 8 bits raise an error instead of being clipped.

    Args:
        backend_args (dict, optional): Storage backend, see :func:`mmengine.fileio.get`.
        decode (bool): False keeps upright RGB JPEG files as bytes: ``img`` is a tensor ``(n, )``,
            uint8, without ``img_shape``. :class:`mmguided.models.DecodingPreprocessor` decodes
            them. Defaults to True.
    """

    def __init__(self, backend_args: dict | None = None, decode: bool = True) -> None:
        super().__init__(imdecode_backend='pillow', backend_args=backend_args)
        self.decode = decode

    def transform(self, results: dict) -> dict:
        """Add the image.

        Raises:
            ValueError: If the values do not fit into 8 bits; see Pillow for other errors.
        """
        content = fileio.get(results['img_path'], backend_args=self.backend_args)
        if not self.decode and _is_upright_rgb_jpeg(content):
            results['img'] = torch.frombuffer(bytearray(content), dtype=torch.uint8)
            return results
        results['img'] = _decode(content)[..., ::-1]
        results['img_shape'] = results['ori_shape'] = results['img'].shape[:2]
        return results


def _open(content: bytes) -> Image.Image:
    try:
        return Image.open(BytesIO(content))
    except UnidentifiedImageError as error:  # Pillow's message shows the address of the bytes.
        raise UnidentifiedImageError(
            'empty file' if not content else 'not a known image format') from error


def _is_upright_rgb_jpeg(content: bytes) -> bool:
    """Return False for damaged files too."""
    with _open(content) as image:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
        # The end of a truncated file has no end-of-image marker.
        return (image.format, image.mode, orientation) == (
            'JPEG', 'RGB', 1) and b'\xff\xd9' in content[-64:]


def _decode(content: bytes) -> np.ndarray:
    """Decode an image file to RGB, ``(H, W, 3)``."""
    # torchvision reads the orientation in EXIF, but not in XMP.
    if content.startswith(b'\xff\xd8') and b'http://ns.adobe.com/xap/' not in content:
        with suppress(RuntimeError):  # If the file is damaged, Pillow raises the error.
            data = torch.frombuffer(bytearray(content), dtype=torch.uint8)
            pixels = decode_jpeg(data, apply_exif_orientation=True)
            if len(pixels) == 3:
                return pixels.permute(1, 2, 0).numpy()
    with _open(content) as image:
        return np.asarray(to_rgb(image))
