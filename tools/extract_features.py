r"""Extract the features of all images of a folder.

    python tools/extract_features.py CHECKPOINT IMAGES OUT
    python tools/extract_features.py hf-hub:facebook/vit-mae-base IMAGES OUT --feature mean \
        --layers 4 8 12 --format parquet

The model is a checkpoint saved by our training, or the folder or name of a model of timm or
transformers. Images are resized by their short side and center-cropped to the input size of the
model; models of other channels than RGB read them as in training. The folder OUT contains:

- features.npy: (images, D), or with --layers (images, layers, D), float32. Rows of unreadable
  images are NaN.
- files.txt: the path of each image below IMAGES, one per line, in the order of the rows.
- features.parquet instead of both, with --format parquet: the columns `file`, and `features` or
  `layer_N`.

The same command continues an interrupted extraction.
"""
import argparse
from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from mmengine.device import get_device
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset
from tqdm import tqdm

from mmguided.cli.arguments import config_path, local_path, positive, tool_parser
from mmguided.cli.records import check_settings, file_hash, read_json, write_json
from mmguided.hub import get_model
from mmguided.utils.errors import ConfigError, exit_on_config_error, imports_of_extra
from mmguided.utils.toolboxes import import_toolboxes

import_toolboxes('mmpretrain')  # silences the messages of its import
from mmguided.analysis.inspection import normalized, read_for_model  # noqa: E402
from mmguided.analysis.layers import check_encoder, encoder_layers  # noqa: E402
from mmguided.datasets.analysis_images import AnalysisImages, list_images  # noqa: E402
from mmguided.evaluation.features import (  # noqa: E402
    check_feature,
    image_features,
    pool_latents,
)

#: Batches between two records of the progress.
INTERVAL = 20


def parse_args() -> argparse.Namespace:
    parser = tool_parser(__doc__, '--trust-checkpoint')
    parser.add_argument('checkpoint', help='checkpoint, or folder or name of a model')
    parser.add_argument('images', type=local_path, metavar='IMAGES', help='folder')
    parser.add_argument('out', type=local_path, metavar='OUT', help='folder to write')
    parser.add_argument('--config', type=config_path,
                        help='config, unless the checkpoint contains it')
    parser.add_argument('--feature', choices=('cls', 'mean'), default='cls',
                        help='[CLS], or the mean of the patch tokens')
    parser.add_argument('--layers', type=positive, nargs='+', metavar='N',
                        help='blocks of a ViT, counted from 1, whose outputs are taken without the '
                        'final norm; default: the output of the encoder')
    parser.add_argument('--format', choices=('npy', 'parquet'), default='npy')
    parser.add_argument('--batch-size', type=positive, default=64, metavar='N')
    parser.add_argument('--workers', type=int, default=2, metavar='N')
    return parser.parse_args()


@torch.no_grad()
def features_of(model: nn.Module, images: Tensor, feature: str, layers: Sequence[int] | None
                ) -> Tensor:
    """Features ``(B, D)``, or ``(B, layers, D)``, of images ``(B, C, H, W)`` in [0, 255]."""
    images = normalized(model, images)
    if not layers:
        return image_features(model.backbone, images, feature)
    found = encoder_layers(model, images)
    return torch.stack([pool_latents(model.backbone, found[layer - 1].outputs, feature=feature)
                        for layer in layers], dim=1)


def check_args(model: nn.Module, args: argparse.Namespace) -> None:
    """Check the options before images are read."""
    check_feature('--feature', model.backbone, args.feature)
    if args.layers:
        check_encoder(model)
        if max(args.layers) > model.backbone.num_layers:
            raise ConfigError(f'--layers={max(args.layers)}: the encoder has '
                              f'{model.backbone.num_layers} blocks. Give at most this number.')


def shape_of(model: nn.Module, args: argparse.Namespace) -> tuple[int, ...]:
    """Shape of the features of an image."""
    width = model.backbone.embed_dims
    return (len(args.layers), width) if args.layers else (width, )


def open_features(out: Path, shape: tuple[int, ...], settings: dict) -> tuple[np.memmap, int]:
    """Open features.npy, and return the number of images that are done."""
    record, path = out / 'progress.json', out / 'features.npy'
    if not record.is_file():
        if any(out.glob('features.*')):
            raise ConfigError(f"out='{out}': contains features. Give another folder.")
        np.lib.format.open_memmap(path, 'w+', np.float32, shape).flush()
        write_json(record, dict(settings=settings, done=0))
    before = read_json(record)
    check_settings(out, 'the extraction', before['settings'], settings)
    return np.load(path, mmap_mode='r+'), before['done']


def write_parquet(out: Path, files: Sequence[str], layers: Sequence[int] | None) -> None:
    """Replace features.npy, files.txt and the record of the progress by features.parquet."""
    import pyarrow as pa
    from pyarrow import parquet
    features = np.load(out / 'features.npy', mmap_mode='r')
    names = [f'layer_{layer}' for layer in layers] if layers else ['features']
    columns = pa.list_(pa.float32(), features.shape[-1])
    schema = pa.schema([('file', pa.string()), *((name, columns) for name in names)])
    with parquet.ParquetWriter(out / 'features.parquet', schema) as writer:
        for start in range(0, len(files), 10000):
            rows = features[start:start + 10000].reshape(-1, len(names), features.shape[-1])
            writer.write_table(pa.table([pa.array(files[start:start + 10000]), *(
                pa.FixedSizeListArray.from_arrays(rows[:, i].ravel(), features.shape[-1])
                for i in range(len(names)))], schema=schema))
    for name in ('progress.json', 'features.npy', 'files.txt'):
        (out / name).unlink()


@exit_on_config_error
def main() -> None:
    args = parse_args()
    if args.format == 'parquet':
        with imports_of_extra('export'):
            import pyarrow  # noqa: F401
    device = get_device()
    model = (get_model(args.config, args.checkpoint, device) if args.config else
             get_model(args.checkpoint, device=device))
    check_args(model, args)
    encoder = model.backbone
    size = encoder.input_size
    paths = list_images(args.images, field='images')
    files = [str(path.relative_to(args.images)) for path in paths]
    names = '\n'.join(files)
    args.out.mkdir(parents=True, exist_ok=True)
    checkpoint = Path(args.checkpoint)
    features, done = open_features(args.out, (len(paths), *shape_of(model, args)), dict(
        checkpoint=file_hash(checkpoint) if checkpoint.exists() else args.checkpoint,
        config=file_hash(Path(args.config)) if args.config else None,
        images=sha256(names.encode()).hexdigest(), feature=args.feature, layers=str(args.layers)))
    (args.out / 'files.txt').write_text(names + '\n')

    def record(done: int) -> None:
        features.flush()
        write_json(args.out / 'progress.json', read_json(args.out / 'progress.json') | dict(
            done=done))

    loader = DataLoader(
        Subset(AnalysisImages(paths, [size], partial(read_for_model, model)),
               range(done, len(paths))), args.batch_size, num_workers=args.workers, collate_fn=list)
    progress = tqdm(total=len(paths), initial=done, unit='image')
    try:
        for number, items in enumerate(loader, start=1):
            readable = [i for i, item in enumerate(items) if item is not None]
            rows = np.full((len(items), *features.shape[1:]), np.nan, np.float32)
            if readable:
                images = torch.stack([items[i][size] for i in readable])
                rows[readable] = features_of(model, images, args.feature, args.layers).cpu().numpy()
            features[done:done + len(items)] = rows
            done += len(items)
            progress.update(len(items))
            if number % INTERVAL == 0:
                record(done)
    finally:
        progress.close()
        record(done)
    unreadable = np.flatnonzero(np.isnan(features.reshape(len(paths), -1)[:, 0]))
    print(f'{args.out}: features of {len(paths)} images, {features.shape[1:]} each' + (
        f'; {len(unreadable)} cannot be read and are NaN, for example '
        f"'{paths[unreadable[0]]}'" if len(unreadable) else ''))
    if args.format == 'parquet':
        write_parquet(args.out, files, args.layers)


if __name__ == '__main__':
    main()
