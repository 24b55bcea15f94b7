"""Load an image file of any depth and number of bands."""
from collections.abc import Sequence
from io import BytesIO

import numpy as np
import torch
from mmcv.transforms import LoadImageFromFile
from mmengine import fileio
from torchvision.io import decode_image

from mmguided.registry import TRANSFORMS
from mmguided.utils.errors import ConfigError, require_extra

#: Percentiles of a band that ``scaling='percentile'`` maps to 0 and 255.
PERCENTILES = (2, 98)
_TIFF = (b'II*\0', b'MM\0*', b'II+\0', b'MM\0+')
_PALETTE = 'has a palette; convert the file to RGB'


@TRANSFORMS.register_module()
class LoadRaster(LoadImageFromFile):
    """Load a TIFF (also GeoTIFF and OME-TIFF), PNG, JPEG, ``.npy`` or DICOM file of any depth and
    number of bands. The content decides the format, not the extension.

    Values are scaled linearly to [0, 255] as float32, without rounding, so that means, standard
    deviations and figures have the units of 8-bit images, and 12 bits keep 4,096 levels. 8-bit
    files with ``scaling='dtype'`` stay uint8.

    Required key: ``img_path``. Added keys: ``img``, ``(H, W, N)``, with the bands in the order of
    the file or of ``bands``; ``img_shape`` and ``ori_shape``, (height, width). Three bands are
    reversed, because images of three channels are BGR in all pipelines; the preprocessor of the
    model restores the order (``to_rgb=True``).

    TIFF needs tifffile and imagecodecs (``pip install -e '.[raster]'``), DICOM needs pydicom
    (``.[dicom]``). The orientation in EXIF is applied to JPEG files only. Arrays in ``.npy`` are
    ``(H, W)`` or ``(H, W, N)``. DICOM values are rescaled to their modality's unit, such as
    Hounsfield units, and MONOCHROME1 is inverted, so that high values are bright.

    Args:
        bands (Sequence[int], optional): Bands to select, counted from 0. None selects all.
        page (int, optional): Page of a TIFF, or frame of a DICOM file, counted from 0. None stacks
            the pages of a TIFF as bands. Defaults to 0.
        scaling (str | Sequence): Values that become 0 and 255. ``'dtype'``: the range of an integer
            type. ``'percentile'``: :data:`PERCENTILES` of each band of each image, which removes
            differences of brightness between images. ``(low, high)``: these values, numbers or one
            number per band. Values outside are clipped. Defaults to 'dtype'.
        backend_args (dict, optional): Storage backend, see :func:`mmengine.fileio.get`.

    Raises:
        ConfigError: If ``scaling`` is invalid, or is 'dtype' and the file has floats; or if a
            package is missing.
    """

    def __init__(self, bands: Sequence[int] | None = None, page: int | None = 0,
                 scaling: str | Sequence = 'dtype', backend_args: dict | None = None) -> None:
        super().__init__(backend_args=backend_args)
        if isinstance(scaling, str):
            is_valid = scaling in ('dtype', 'percentile')
        else:
            is_valid = len(scaling) == 2 and np.all(np.less(*scaling))
        if not is_valid:
            raise ConfigError(f"LoadRaster.scaling={scaling!r}: unknown. Set 'dtype', 'percentile' "
                              'or (low, high) with low < high.')
        self.bands = bands
        self.page = page
        self.scaling = scaling

    def transform(self, results: dict) -> dict:
        """Add the image; see :meth:`read` and :meth:`scale` for errors."""
        image = self.scale(self.read(results['img_path']))
        results['img'] = image[..., ::-1] if image.shape[2] == 3 else image
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        return results

    def read(self, path: str) -> np.ndarray:
        """Stored values of the selected page and bands, ``(H, W, N)``.

        Raises:
            ValueError: If the file has no such page or band. Decoders raise other errors.
        """
        content = fileio.get(path, backend_args=self.backend_args)
        with require_extra('raster,dicom', 'LoadRaster'):
            image = self._decode(content)
        if image.ndim == 2:
            image = image[..., None]
        if self.bands is not None:
            if max(self.bands) >= image.shape[2]:
                raise ValueError(
                    f'bands={tuple(self.bands)}, but the file has {image.shape[2]} bands')
            image = image[..., list(self.bands)]
        return image

    def _decode(self, content: bytes) -> np.ndarray:
        """Stored values, ``(H, W)`` or ``(H, W, N)``."""
        if content.startswith(_TIFF):
            return self._decode_tiff(content)
        if content.startswith(b'\x93NUMPY'):
            return np.load(BytesIO(content), allow_pickle=False)
        if content[128:132] == b'DICM':
            return self._decode_dicom(content)
        if content.startswith(b'\x89PNG') and content[25] == 3:
            raise ValueError(_PALETTE)
        data = torch.frombuffer(bytearray(content), dtype=torch.uint8)
        return decode_image(data, apply_exif_orientation=True).permute(1, 2, 0).numpy()

    def _decode_tiff(self, content: bytes) -> np.ndarray:
        import imagecodecs  # noqa: F401  # tifffile needs it for most compressions
        import tifffile
        with tifffile.TiffFile(BytesIO(content)) as file:
            if self.page is None:
                return np.stack([_values(page) for page in file.pages], axis=2)
            if self.page >= len(file.pages):
                raise ValueError(f'page={self.page}, but the file has {len(file.pages)} pages')
            page = file.pages[self.page]
            # The axis S holds the bands.
            return np.moveaxis(_values(page), 0, 2) if page.axes == 'SYX' else _values(page)

    def _decode_dicom(self, content: bytes) -> np.ndarray:
        import pydicom
        file = pydicom.dcmread(BytesIO(content))
        values = pydicom.pixels.pixel_array(file, index=self.page)
        if file.PhotometricInterpretation == 'MONOCHROME1':
            values = 2**file.BitsStored - 1 - values
        return pydicom.pixels.apply_modality_lut(values, file)

    def scale(self, image: np.ndarray) -> np.ndarray:
        """Map stored values to [0, 255], see ``scaling``.

        Raises:
            ValueError: If the image has NaN or Inf.
        """
        if self.scaling == 'dtype' and image.dtype == np.uint8:
            return image
        if not np.isfinite(image).all():
            raise ValueError('has NaN or Inf; replace them in the file')
        if self.scaling == 'percentile':
            low, high = np.percentile(image, PERCENTILES, axis=(0, 1))
        elif self.scaling != 'dtype':
            low, high = self.scaling
        elif image.dtype == bool:
            low, high = 0, 1
        elif np.issubdtype(image.dtype, np.integer):
            low, high = np.iinfo(image.dtype).min, np.iinfo(image.dtype).max
        else:
            raise ConfigError(f"LoadRaster.scaling='dtype': {image.dtype} has no fixed range. Set "
                              "'percentile' or (low, high).")
        low, high = np.asarray(low, float), np.asarray(high, float)
        scaled = (image - low) * (255 / np.maximum(high - low, np.finfo(np.float32).tiny))
        return scaled.clip(0, 255).astype(np.float32)

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(bands={self.bands}, page={self.page}, '
                f'scaling={self.scaling!r})')


def _values(page) -> np.ndarray:
    """Values of a page of a TIFF; larger ones are brighter."""
    kind, values = page.photometric.name, page.asarray()
    if kind == 'PALETTE':
        raise ValueError(_PALETTE)
    if kind == 'MINISWHITE':
        values = ~values if values.dtype == bool else 2**page.bitspersample - 1 - values
    return values
