"""Convert a released MAE, ccMIM or CMAE checkpoint to mmguided.

    python tools/model_converters/released_to_mmguided.py mae mae_pretrain_vit_base.pth mae.pth
    python tools/model_converters/released_to_mmguided.py ccmim checkpoint-799.pth ccmim.pth
    python tools/model_converters/released_to_mmguided.py cmae epoch_1600.pth cmae.pth

The result loads like a checkpoint of mmguided. Missing or unexpected keys stop the conversion.
"""
import torch

from mmguided.cli.arguments import local_path, tool_parser
from mmguided.utils.checkpoints import load_checkpoint, weights_of
from mmguided.utils.converters import ccmim_from_released, cmae_from_released, mae_from_released
from mmguided.utils.errors import exit_on_config_error

CONVERTERS = dict(
    mae=mae_from_released, ccmim=ccmim_from_released, cmae=cmae_from_released)


@exit_on_config_error
def main() -> None:
    parser = tool_parser(__doc__)
    parser.add_argument('method', choices=CONVERTERS)
    parser.add_argument('src', type=local_path, help='released checkpoint')
    parser.add_argument('dst', type=local_path, help='checkpoint to write')
    args = parser.parse_args()
    checkpoint = load_checkpoint(str(args.src), 'src', 'Give the path of a checkpoint.')
    state = CONVERTERS[args.method](weights_of(checkpoint))
    torch.save(dict(state_dict=state, meta=dict(converted_from=args.method)), args.dst)
    print(f'{args.dst}: {len(state)} tensors, every key of {args.src} used')


if __name__ == '__main__':
    main()
