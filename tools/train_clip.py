r"""Train a small CLIP on labeled images with captions made from the class names.

    python tools/train_clip.py FOLDER/train --val FOLDER/test --out work_dirs/clip_micro

The images are FOLDER/train/<class name>/*, the captions "a photo of a <class name>". A ViT (4
blocks, width 128, 32 x 32 pixels) and a text encoder (2 blocks) are trained with CLIP's contrastive
loss. The model replaces OpenAI's CLIP as the teacher of configs/cmt_mae/vit-micro_folder-32.py if
the original is not available. Its results do not apply to OpenAI's CLIP. With --val, a folder of
the same classes, the tool measures zero-shot accuracy after each epoch.

--out is a folder in open_clip's format. Configs load the model with
model.teacher.model_name=local-dir:OUT model.teacher.pretrained=None.
"""
import argparse
import json
import logging
import math
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder
from tqdm import tqdm

from mmguided.cli.arguments import add_shared, local_path, tool_parser
from mmguided.utils.errors import ConfigError, exit_on_config_error, imports_of_extra
from mmguided.utils.image_folders import class_folders, find_images, images_by_class
from mmguided.utils.images import read_image

with imports_of_extra('clip'):
    import open_clip
    from open_clip.tokenizer import SimpleTokenizer

SIDE, CONTEXT_LENGTH = 32, 16
MODEL = dict(
    embed_dim=64,
    vision_cfg=dict(image_size=SIDE, patch_size=4, layers=4, width=128, head_width=32),
    text_cfg=dict(context_length=CONTEXT_LENGTH, vocab_size=49408, width=64, heads=2, layers=2))
NORMALIZATION = dict(mean=open_clip.OPENAI_DATASET_MEAN, std=open_clip.OPENAI_DATASET_STD)


def parse_args() -> argparse.Namespace:
    parser = tool_parser(__doc__, '--seed')
    parser.add_argument('train', type=local_path, help='folder with one sub-folder per class')
    parser.add_argument('--val', type=local_path, help='folder of the same classes for validation')
    add_shared(parser, '--out', required=True, metavar='FOLDER', help='folder of the model')
    parser.add_argument('--epochs', type=int, default=15)
    parser.add_argument('--batch-size', type=int, default=128)
    parser.add_argument('--lr', type=float, default=1e-3, help='peak learning rate of AdamW, with '
                        'one epoch of warm-up and cosine decay')
    parser.add_argument('--workers', type=int, default=2)
    return parser.parse_args()


class ClassFolders(ImageFolder):
    """torchvision's dataset of class folders, with the listing and reader of all tools."""

    def find_classes(self, directory: Path) -> tuple[list[str], dict[str, int]]:
        names = class_folders(directory)
        return names, {name: label for label, name in enumerate(names)}

    @staticmethod
    def make_dataset(directory: Path, class_to_idx: dict[str, int], **_) -> list[tuple[str, int]]:
        images = images_by_class(directory, find_images(directory))
        return [(str(directory / path), class_to_idx[name])
                for name, paths in images.items() for path in paths]


def load_images(root: Path, *augmentation: object) -> ClassFolders:
    """Build a dataset of class folders that returns normalized tensors."""
    if not (root.is_dir() and class_folders(root)):
        raise ConfigError(f'root={str(root)!r}: has no class folders with images. Give a folder '
                          'with class folders.')
    steps = [*augmentation, transforms.ToTensor(), transforms.Normalize(**NORMALIZATION)]
    return ClassFolders(root, transforms.Compose(steps), loader=partial(
        read_image, field='image'))


def captions(classes: list[str]) -> Tensor:
    """Tokenize one caption per class, ``(classes, CONTEXT_LENGTH)``."""
    texts = [f'a photo of a {name.replace("_", " ")}' for name in classes]
    return SimpleTokenizer(context_length=CONTEXT_LENGTH)(texts)


@torch.no_grad()
def zero_shot_accuracy(model: torch.nn.Module, loader: DataLoader, texts: Tensor,
                       device: torch.device) -> float:
    """Share of images whose most similar caption belongs to their class."""
    model.eval()
    classes = model.encode_text(texts, normalize=True)
    hits = [(model.encode_image(images.to(device), normalize=True) @ classes.T).argmax(1).cpu()
            == labels for images, labels in loader]
    return torch.cat(hits).float().mean().item()


@exit_on_config_error
def main() -> None:
    args = parse_args()
    torch.manual_seed(args.seed)
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    images = load_images(
        args.train,
        transforms.RandomResizedCrop(SIDE, scale=(0.4, 1), interpolation=3, antialias=True),
        transforms.RandomHorizontalFlip())
    if len(images) < args.batch_size:
        raise ConfigError(f'--batch-size={args.batch_size}: {str(args.train)!r} has only '
                          f'{len(images)} images. Give a smaller number.')
    loader = DataLoader(images, args.batch_size, shuffle=True, drop_last=True,
                        num_workers=args.workers, persistent_workers=args.workers > 0)
    val_loader = None
    if args.val:
        val = load_images(args.val, transforms.Resize(SIDE), transforms.CenterCrop(SIDE))
        if val.classes != images.classes:
            raise ConfigError(f'--val={str(args.val)!r}: the classes {val.classes[:5]}... differ '
                              f'from {images.classes[:5]}... of {str(args.train)!r}. Give a folder '
                              'of the same classes.')
        val_loader = DataLoader(val, 500, num_workers=args.workers)

    args.out.mkdir(parents=True, exist_ok=True)
    config = dict(model_cfg=MODEL, preprocess_cfg=NORMALIZATION)
    (args.out / 'open_clip_config.json').write_text(json.dumps(config, indent=2))
    logging.getLogger().setLevel(logging.ERROR)  # hides the warning about missing weights
    model = open_clip.create_model(f'local-dir:{args.out}', load_weights=False).to(device)
    loss_of = open_clip.ClipLoss()
    texts = captions(images.classes).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), args.lr, weight_decay=0.05)
    warmup, total = len(loader), args.epochs * len(loader)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(
        (step + 1) / warmup, (1 + math.cos(math.pi * step / total)) / 2))

    for epoch in range(1, args.epochs + 1):
        model.train()
        losses = []
        for inputs, labels in tqdm(loader, f'epoch {epoch}/{args.epochs}', leave=False):
            features = model.encode_image(inputs.to(device), normalize=True)
            # All images of a class share a caption, which is encoded once.
            words = model.encode_text(texts, normalize=True)[labels.to(device)]
            loss = loss_of(features, words, model.logit_scale.exp())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            with torch.no_grad():
                model.logit_scale.clamp_(0, math.log(100))  # as in CLIP
            losses.append(loss.detach())
        torch.save(model.state_dict(), args.out / 'open_clip_pytorch_model.bin')
        line = f'epoch {epoch}/{args.epochs}: loss {torch.stack(losses).mean():.3f}'
        if val_loader:
            accuracy = zero_shot_accuracy(model, val_loader, texts, device)
            line += f', zero-shot accuracy {100 * accuracy:.1f} % (chance '\
                    f'{100 / len(images.classes):.1f} %)'
        print(line, flush=True)
    print(f'{args.out}: model.teacher.model_name=local-dir:{args.out} '
          'model.teacher.pretrained=None')


if __name__ == '__main__':
    main()
