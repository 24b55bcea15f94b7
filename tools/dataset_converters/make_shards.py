r"""Write an image folder into a few large tar files, for disks on which many small files are slow.

    python tools/dataset_converters/make_shards.py data/imagenet/train --out data/shards \
        --short-side 400
    python tools/train.py configs/mae/vit-b_800e.py --cfg-options \
        train_dataloader.dataset.data_root=data/shards train_dataloader.dataset.data_prefix= \
        train_dataloader.dataset.ann_file=images.txt \
        train_dataloader.dataset.pipeline.0.backend_args.backend=mmguided.shards

Images whose short side is longer than --short-side are reduced, and all images are saved as JPEG.
Unreadable images are left out and counted. Images keep the order of the folder: the training reads
them in random order. The tar files have WebDataset's layout (NUMBER.jpg, and NUMBER.cls with the
label of a labeled folder). images.txt lists the position of each image.
"""
import tarfile
from io import BytesIO
from itertools import islice

from PIL import Image
from tqdm import tqdm

from mmguided.cli.arguments import add_shared, local_path, positive, tool_parser
from mmguided.datasets import ImageFolder
from mmguided.utils.errors import ConfigError, exit_on_config_error
from mmguided.utils.images import read_if_readable


def encode(image: Image.Image, short_side: int, quality: int) -> bytes:
    """Reduce an image to the short side, and encode it as JPEG."""
    scale = short_side / min(image.size)
    if scale < 1:
        image = image.resize([max(round(side * scale), short_side) for side in image.size],
                             Image.Resampling.BICUBIC)
    file = BytesIO()
    image.save(file, 'jpeg', quality=quality)
    return file.getvalue()


def add(tar: tarfile.TarFile, name: str, content: bytes) -> str:
    """Add a file; return the path of :class:`mmguided.datasets.ShardBackend` in its tar file."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    offset = tar.offset + tarfile.BLOCKSIZE  # after the header
    tar.addfile(info, BytesIO(content))
    return f'{offset}-{len(content)}'


@exit_on_config_error
def main() -> None:
    parser = tool_parser(__doc__)
    parser.add_argument('root', type=local_path, help='image folder')
    add_shared(parser, '--out', required=True, help='folder to write')
    parser.add_argument('--short-side', type=positive, required=True, metavar='PIXELS')
    parser.add_argument('--quality', type=positive, default=90, help='JPEG quality (default: 90)')
    parser.add_argument('--images-per-shard', type=positive, default=10000, metavar='N',
                        help='default: 10000')
    args = parser.parse_args()
    if args.out.exists():
        raise ConfigError(f'--out={str(args.out)!r}: already exists. Give a new folder.')
    dataset = ImageFolder(str(args.root), pipeline=[])
    args.out.mkdir(parents=True)
    lines, indices = [], iter(tqdm(range(len(dataset)), unit='images'))
    for first in range(0, len(dataset), args.images_per_shard):
        shard = f'{first // args.images_per_shard:06}.tar'
        with tarfile.open(args.out / shard, 'w', format=tarfile.USTAR_FORMAT) as tar:
            for index in islice(indices, args.images_per_shard):
                info = dataset.get_data_info(index)
                image = read_if_readable(info['img_path'], 'root')
                if image is None:
                    continue
                position = add(tar, f'{index:09}.jpg', encode(
                    image, args.short_side, args.quality))
                line = f'{shard}#{position}'
                if dataset.with_label:
                    add(tar, f'{index:09}.cls', str(info['gt_label']).encode())
                    line += f' {info["gt_label"]}'
                lines.append(line + '\n')
    (args.out / 'images.txt').write_text(''.join(lines))
    print(f'{len(lines)} images of {len(dataset)} written to {args.out}')


if __name__ == '__main__':
    main()
