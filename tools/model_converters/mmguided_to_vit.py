"""Take the encoder out of any checkpoint of ours, as a plain mmpretrain or timm ViT.

    python tools/model_converters/mmguided_to_vit.py epoch_800.pth vit-b.pth
    python tools/model_converters/mmguided_to_vit.py epoch_800.pth vit-b_timm.pth --layout timm

mmpretrain, mmdet and mmseg also load our checkpoints as they are, with
``init_cfg=dict(type='Pretrained', checkpoint=..., prefix='backbone.')``.
"""
import argparse

import torch

from mmguided.utils.converters import vit_from_ours
from mmguided.utils.errors import check_file, exit_on_config_error


@exit_on_config_error
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('src', help='checkpoint of ours')
    parser.add_argument('dst', help='checkpoint to write')
    parser.add_argument('--layout', choices=('mmpretrain', 'timm'), default='mmpretrain')
    args = parser.parse_args()
    check_file('src', args.src, 'give the path of a checkpoint')
    # MMEngine's checkpoints hold its message hub, which needs the full unpickler: convert only
    # files that you trust.
    checkpoint = torch.load(args.src, map_location='cpu', weights_only=False)
    state = vit_from_ours(checkpoint.get('state_dict', checkpoint), args.layout)
    torch.save(state, args.dst)
    print(f'{args.dst}: {len(state)} tensors in the layout of {args.layout}')


if __name__ == '__main__':
    main()
