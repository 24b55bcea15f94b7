"""Export the encoder of a mmguided checkpoint as a plain mmpretrain or timm ViT.

    python tools/model_converters/mmguided_to_vit.py epoch_800.pth vit-b.pth
    python tools/model_converters/mmguided_to_vit.py epoch_800.pth vit-b_timm.pth --layout timm

mmpretrain, mmdet and mmseg also load mmguided checkpoints directly, with
``init_cfg=dict(type='Pretrained', checkpoint=..., prefix='backbone.')``.
"""
import torch

from mmguided.cli.arguments import local_path, tool_parser
from mmguided.utils.checkpoints import load_checkpoint, weights_of
from mmguided.utils.converters import vit_from_ours
from mmguided.utils.errors import exit_on_config_error


@exit_on_config_error
def main() -> None:
    parser = tool_parser(__doc__, '--trust-checkpoint')
    parser.add_argument('src', type=local_path, help='mmguided checkpoint')
    parser.add_argument('dst', type=local_path, help='checkpoint to write')
    parser.add_argument('--layout', choices=('mmpretrain', 'timm'), default='mmpretrain')
    args = parser.parse_args()
    checkpoint = load_checkpoint(str(args.src), 'src', 'Give the path of a checkpoint.')
    state = vit_from_ours(weights_of(checkpoint), args.layout)
    args.dst.parent.mkdir(parents=True, exist_ok=True)
    torch.save(state, args.dst)
    print(f'{args.dst}: {len(state)} tensors in the layout of {args.layout}')


if __name__ == '__main__':
    main()
