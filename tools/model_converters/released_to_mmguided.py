"""Convert a released MAE, ccMIM or CMAE checkpoint to ours.

    python tools/model_converters/released_to_mmguided.py mae mae_pretrain_vit_base.pth mae.pth
    python tools/model_converters/released_to_mmguided.py ccmim checkpoint-799.pth ccmim.pth
    python tools/model_converters/released_to_mmguided.py cmae epoch_1600.pth cmae.pth

The result loads wherever a checkpoint of ours does. Missing or unexpected keys stop the conversion.
"""
import argparse

import torch

from mmguided.utils.converters import ccmim_from_released, cmae_from_released, mae_from_released
from mmguided.utils.errors import check_file, exit_on_config_error

CONVERTERS = dict(
    mae=mae_from_released, ccmim=ccmim_from_released, cmae=cmae_from_released)


@exit_on_config_error
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('method', choices=CONVERTERS)
    parser.add_argument('src', help='released checkpoint')
    parser.add_argument('dst', help='checkpoint to write')
    args = parser.parse_args()
    check_file('src', args.src, 'give the path of a checkpoint')
    # Released checkpoints hold their argparse.Namespace, which needs the full unpickler: convert
    # only files that you trust.
    checkpoint = torch.load(args.src, map_location='cpu', weights_only=False)
    for name in ('model', 'state_dict'):  # MAE's and ccMIM's; OpenMMLab's
        checkpoint = checkpoint.get(name, checkpoint)
    state = CONVERTERS[args.method](checkpoint)
    torch.save(dict(state_dict=state, meta=dict(converted_from=args.method)), args.dst)
    print(f'{args.dst}: {len(state)} tensors, every key of {args.src} used')


if __name__ == '__main__':
    main()
