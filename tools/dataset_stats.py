r"""Describe the images of a folder: mean, standard deviation, percentiles, sizes, modes, broken
files and duplicates.

    python tools/dataset_stats.py data/images
    python tools/dataset_stats.py data/bands --load-raster "scaling=(0,4095)" "bands=[3,2,1,0]"

The tool prints all broken files, tables, and the lines for a config and for `--cfg-options` of a
pretraining config. Images are read by mmguided.LoadImage, or by mmguided.LoadRaster with the
arguments of --load-raster. Mean and standard deviation are those of all pixels after scaling to [0,
255], in the order of the channels of the model (RGB). Percentiles are those of the stored values,
for the choice of LoadRaster's scaling, from up to 10 million evenly spaced pixels per band.
Duplicates are readable files with equal content. Files are read one by one; memory does not grow
with the size of the images.
"""
import argparse
import hashlib
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from inspect import signature
from pathlib import Path

import numpy as np

from mmguided.cli.arguments import OptionAction, local_path, tool_parser
from mmguided.utils.errors import (
    ConfigError,
    check_image_folder,
    did_you_mean,
    exit_on_config_error,
)
from mmguided.utils.image_folders import IMAGE_EXTENSIONS, find_images
from mmguided.utils.tables import markdown_table

PERCENTILES = (0, 1, 2, 50, 98, 99, 100)
MAX_PIXELS = 10_000_000
EXAMPLES = 5
REMEDY = 'Files of more than 8 bits, or with other bands than RGB or gray, need --load-raster.'


def parse_args() -> argparse.Namespace:
    parser = tool_parser(__doc__)
    parser.add_argument('folder', type=local_path, metavar='FOLDER', help='image folder')
    parser.add_argument('--load-raster', nargs='*', action=OptionAction, metavar='KEY=VALUE',
                        help='read by mmguided.LoadRaster with these arguments')
    parser.add_argument('--extensions', nargs='+', default=IMAGE_EXTENSIONS, metavar='.EXT',
                        help='file extensions, such as .npy')
    parser.add_argument('--workers', type=int, default=2, metavar='N')
    return parser.parse_args()


class Files:
    """Facts of image files, a dataset for torch's DataLoader.

    An item is a dict of ``path`` and ``digest``, and either ``error``, or ``mode``, ``size``
    (width, height), ``sum`` and ``squares`` of the scaled values of each band, ``(C, )``, and a
    ``sample`` of stored values, ``(n, C)``.

    Args:
        folder: Image folder.
        names: Relative paths.
        settings: Arguments of LoadRaster; None reads by LoadImage.
    """

    def __init__(self, folder: Path, names: Sequence[str], settings: Mapping | None) -> None:
        from mmguided.datasets import LoadImage, LoadRaster
        self.folder, self.names = folder, names
        self.is_raster = settings is not None
        self.load = LoadRaster(**_checked(settings)) if self.is_raster else LoadImage()

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> dict:
        path = self.folder / self.names[index]
        facts = dict(path=self.names[index], digest=hashlib.sha256(path.read_bytes()).digest())
        try:
            mode, stored, scaled = self._read(path)
        except (MemoryError, ConfigError):
            raise
        except Exception as error:
            return facts | dict(error=f'{type(error).__name__}: {error}')
        pixels = stored.reshape(-1, stored.shape[2])
        number = min(len(pixels), max(1, MAX_PIXELS // len(self)))
        sampled = np.arange(number) * len(pixels) // number
        values = scaled.reshape(pixels.shape).astype(np.float64)
        return facts | dict(
            mode=mode, size=stored.shape[1::-1], sum=values.sum(0),
            squares=np.square(values).sum(0), sample=pixels[sampled])

    def _read(self, path: Path) -> tuple[str, np.ndarray, np.ndarray]:
        """Mode, and stored and scaled values ``(H, W, C)``."""
        if self.is_raster:
            stored = self.load.read(str(path))
            return f'{stored.dtype} x {stored.shape[2]}', stored, self.load.scale(stored)
        from PIL import Image
        image = self.load(dict(img_path=str(path)))['img'][..., ::-1]  # RGB
        with Image.open(path) as file:
            return file.mode, image, image


def _checked(settings: Mapping) -> Mapping:
    """The arguments of LoadRaster, if it has them."""
    from mmguided.datasets import LoadRaster
    known = signature(LoadRaster).parameters
    if unknown := [name for name in settings if name not in known]:
        raise ConfigError(f'--load-raster {unknown[0]}={settings[unknown[0]]!r}: LoadRaster has no '
                          f'such argument{did_you_mean(unknown[0], known, 0.4)}')
    return settings


def first(items: Sequence) -> object:
    """Collate function for a batch of one item: return the item."""
    return items[0]


def collect(files: Files, workers: int) -> dict:
    """Read all files; return their facts.

    Returns:
        Dict of ``modes`` and ``sizes`` (counts), ``errors`` and ``duplicates`` (path -> reason, or
        path of the first file), and ``mean``, ``std`` ``(C, )`` and ``percentiles``
        ``(len(PERCENTILES), C)``.

    Raises:
        ConfigError: If no file is readable, or files have different numbers of bands.
    """
    from torch.utils.data import DataLoader
    from tqdm import tqdm
    modes, sizes, bands, errors, seen, duplicates = Counter(), Counter(), Counter(), {}, {}, {}
    sums, samples = defaultdict(float), []
    for facts in tqdm(DataLoader(files, 1, num_workers=workers, collate_fn=first), unit='file'):
        if 'error' in facts:
            errors[facts['path']] = facts['error']
            continue
        original = seen.setdefault(facts['digest'], facts['path'])
        if original != facts['path']:
            duplicates[facts['path']] = original
        width, height = facts['size']
        modes[facts['mode']] += 1
        sizes[width, height] += 1
        bands[len(facts['sum'])] += 1
        if len(bands) > 1:
            raise ConfigError(
                f'file={facts["path"]!r}: has {len(facts["sum"])} bands, but earlier files have '
                f'{next(iter(bands))}. Select the bands, for example --load-raster '
                f'"bands={[*range(max(bands))]}"; files without one of them count as broken.')
        sums['pixels'] += width * height
        sums['sum'] += facts['sum']
        sums['squares'] += facts['squares']
        samples.append(facts['sample'])
    if not samples:
        raise ConfigError(f'FOLDER={str(files.folder)!r}: no readable image; the last error is '
                          f'{[*errors.values()][-1]}.{"" if files.is_raster else f" {REMEDY}"}')
    mean = sums['sum'] / sums['pixels']
    return dict(
        modes=modes, sizes=sizes, errors=errors, duplicates=duplicates, mean=mean,
        std=np.sqrt(np.maximum(sums['squares'] / sums['pixels'] - mean**2, 0)),
        percentiles=np.percentile(np.concatenate(samples), PERCENTILES, axis=0))


def report(facts: Mapping, settings: Mapping | None) -> str:
    """Tables and config lines of the result of :func:`collect`."""
    widths, heights = np.array([*facts['sizes'].elements()]).T
    common, number = facts['sizes'].most_common(1)[0]
    rows = [['images', str(facts['sizes'].total())],
            *([name, f'{values.min()} to {values.max()}, median {np.median(values):.0f}']
              for name, values in (('width', widths), ('height', heights))),
            ['sizes', f'{len(facts["sizes"])}, most often {common[0]} x {common[1]} ({number})'],
            ['modes', ', '.join(f'{mode}: {num}' for mode, num in facts['modes'].most_common())],
            ['broken files', _broken(facts['errors'])],
            ['duplicate files', _duplicates(facts['duplicates'])]]
    bands = [[str(band), *(f'{value:.6g}' for value in values)]
             for band, values in enumerate(zip(
                 facts['mean'], facts['std'], *facts['percentiles'], strict=True))]
    header = ['band', 'mean', 'std', *(f'{q} %' for q in PERCENTILES)]
    broken = [f'broken: {path} ({error})' for path, error in facts['errors'].items()]
    return '\n'.join([*broken, markdown_table(['fact', 'value'], rows) + '\n',
                      markdown_table(header, bands) + '\n', snippet(facts, settings)])


def _broken(errors: Mapping[str, str]) -> str:
    """Number of broken files, and for each kind of error its number and an example."""
    kinds = defaultdict(list)
    for path, error in errors.items():
        kinds[re.sub(r'\d+', '', error)].append(f'{path} ({error})')
    shown = '; '.join(f'{len(files)} like {files[0]}'
                      for files in sorted(kinds.values(), key=len, reverse=True))
    return f'{len(errors)}: {shown}' if errors else '0'


def _duplicates(items: Mapping[str, str]) -> str:
    shown = '; '.join(f'{path} = {first}' for path, first in [*items.items()][:EXAMPLES])
    return f'{len(items)}: {shown}' if items else '0'


def snippet(facts: Mapping, settings: Mapping | None) -> str:
    """Lines for a config, and for ``--cfg-options``, of pretraining."""
    mean, std = ([round(float(value), 3) for value in facts[name]] for name in ('mean', 'std'))
    options = {'data_preprocessor.mean': mean, 'data_preprocessor.std': std}
    lines = [f'data_preprocessor = dict(\n    mean={mean},\n    std={std})']
    if len(mean) != 3:
        options['model.backbone.in_channels'] = len(mean)
        lines.append(f'model = dict(backbone=dict(in_channels={len(mean)}))')
    if settings is not None:
        load = dict(type='mmguided.LoadRaster', **settings)
        options |= {f'train_dataloader.dataset.pipeline.0.{key}': value
                    for key, value in load.items()}
        arguments = ', '.join(f'{key}={value!r}' for key, value in load.items())
        lines.append(f'# Replace mmguided.LoadImage in the pipelines.\nload = dict({arguments})')
    text = ' '.join(f'{key}="{str(value).replace(" ", "")}"' for key, value in options.items())
    return '\n'.join([*lines, '', f'--cfg-options {text}'])


@exit_on_config_error
def main() -> None:
    args = parse_args()
    check_image_folder('FOLDER', args.folder)
    names = find_images(args.folder, args.extensions)
    if not names:
        raise ConfigError(f'FOLDER={str(args.folder)!r}: no images. Give a folder with images '
                          f'({", ".join(args.extensions)}), or set --extensions.')
    from mmguided.utils.toolboxes import import_toolboxes
    import_toolboxes('mmpretrain')
    facts = collect(Files(args.folder, names, args.load_raster), args.workers)
    print(report(facts, args.load_raster))
    if facts['errors'] and args.load_raster is None:
        print(REMEDY, file=sys.stderr)


if __name__ == '__main__':
    main()
