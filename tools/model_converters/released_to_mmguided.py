r"""Convert a released MAE, ccMIM or CMAE checkpoint, or the encoder of another ViT, to mmguided.

    python tools/model_converters/released_to_mmguided.py mae mae_pretrain_vit_base.pth mae.pth
    python tools/model_converters/released_to_mmguided.py ccmim checkpoint-799.pth ccmim.pth
    python tools/model_converters/released_to_mmguided.py cmae epoch_1600.pth cmae.pth
    python tools/model_converters/released_to_mmguided.py vit vit-b-300ep.pth.tar moco.pth \
        --num-heads 12 --prefix module.base_encoder.

The result loads like a checkpoint of mmguided. Missing or unexpected keys stop the conversion.

`vit` reads plain ViTs with the names of timm (also those of DINO and MoCo v3) or mmpretrain (also
`MoCoV3ViT`), and stores a k-NN config, so that the tools for analysis and figures need no
--configs. The config normalizes images as in ImageNet pretraining; for others, such as timm's
`augreg` ViTs, set --cfg-options "model.data_preprocessor.mean=[127.5,127.5,127.5]"
"model.data_preprocessor.std=[127.5,127.5,127.5]". If the images of pretraining were not square, set
--cfg-options "model.backbone.img_size=(HEIGHT,WIDTH)".
"""
import argparse

import torch

from mmguided.cli.arguments import add_shared, local_path, tool_parser
from mmguided.hub import read_config
from mmguided.utils.checkpoints import load_checkpoint, weights_of
from mmguided.utils.converters import (
    ccmim_from_released,
    check_image_size,
    cmae_from_released,
    encoder_from_any,
    mae_from_released,
)
from mmguided.utils.errors import ConfigError, exit_on_config_error

CONVERTERS = dict(
    mae=mae_from_released, ccmim=ccmim_from_released, cmae=cmae_from_released)


def parse_args() -> argparse.Namespace:
    parser = tool_parser(__doc__, '--trust-checkpoint')
    parser.add_argument('method', choices=(*CONVERTERS, 'vit'))
    parser.add_argument('src', type=local_path, help='released checkpoint')
    parser.add_argument('dst', type=local_path, help='checkpoint to write')
    vit = parser.add_argument_group('vit')
    vit.add_argument('--num-heads', type=int, metavar='N',
                     help='attention heads, which the weights do not show')
    vit.add_argument('--prefix', help="prefix of the encoder's weights, if there are several")
    add_shared(vit, '--cfg-options')
    args = parser.parse_args()
    if args.method == 'vit' and not args.num_heads:
        raise ConfigError('--num-heads=None: the weights do not show the number of heads. Give it, '
                          'for example 12 for ViT-B.')
    return args


def convert_vit(state: dict, args: argparse.Namespace) -> tuple[dict, str]:
    r"""Convert an encoder; also return the text of a k-NN config for it."""
    state, settings = encoder_from_any(state, args.prefix)
    width = settings['arch']['embed_dims']
    if width % args.num_heads:
        raise ConfigError(f'--num-heads={args.num_heads}: does not divide the width {width}. Give '
                          'the number of the model.')
    settings['arch']['num_heads'] = args.num_heads
    cfg = read_config('benchmarks_imagenet_vit-b_knn')
    cfg.model.backbone.update(settings)
    cfg.merge_from_dict(args.cfg_options)
    check_image_size(state, cfg.model.backbone)
    return state, cfg.pretty_text


@exit_on_config_error
def main() -> None:
    args = parse_args()
    checkpoint = load_checkpoint(str(args.src), 'src', 'Give the path of a checkpoint.',
                                 convert=False)
    state, meta = weights_of(checkpoint), dict(converted_from=args.method)
    if args.method == 'vit':
        state, meta['cfg'] = convert_vit(state, args)
        used = f'the encoder of {args.src} without its heads'
    else:
        state = CONVERTERS[args.method](state)
        used = f'every key of {args.src} used'
    args.dst.parent.mkdir(parents=True, exist_ok=True)
    torch.save(dict(state_dict=state, meta=meta), args.dst)
    print(f'{args.dst}: {len(state)} tensors, {used}')


if __name__ == '__main__':
    main()
