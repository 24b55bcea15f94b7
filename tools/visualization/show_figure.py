r"""Draw the attention, the token relations and the masks of several models, and comparisons.

    M="MAE=work_dirs/mae/vit-b_800e/epoch_800.pth MoCo=work_dirs/converted/moco.pth"
    python tools/visualization/show_figure.py attention $M --images a.jpg FOLDER
    python tools/visualization/show_figure.py relations $M --images a.jpg --layers -1 decoder
    python tools/visualization/show_figure.py clusters $M --images a.jpg --num-clusters 5 --tsne
    python tools/visualization/show_figure.py bipartition $M --images a.jpg --layers 2 6 -2 decoder
    python tools/visualization/show_figure.py reversed $M 'Conditional MAE=...' --images a.jpg
    python tools/visualization/show_figure.py davis MAE=MASKS CMT-MAE=MASKS --sequences dogs-jump
    python tools/visualization/show_figure.py radar MAE=68.0,83.6 CMT-MAE=79.8,85.7 --axes lin. ft.

The kinds, with one row per image and model:

- attention: [CLS] attention of each head in the last block, with the smallest region that holds
  half of it (Conditional MAE Figs. 11-13, Self-guided MAE Fig. 2c).
- relations: cosines M of the token relations, their cosine with the mean patch, and the [CLS]
  attention (Self-guided MAE Fig. 2).
- clusters: recursive normalized cuts of M, optionally with t-SNE (Self-guided MAE Figs. 1, III).
- bipartition: normalized cut of M, and the informed masks that it gives, without and with hints,
  beside a random mask (Self-guided MAE Figs. 5, II, VIII).
- reversed: distribution over the visible patches of the attention to patches that the second shot
  masks, in the layer before that shot (Conditional MAE Fig. 6). At least one model needs two shots.
- davis: frames, annotations and predicted masks of DAVIS sequences, from the folders that
  `test_evaluator.out_dir` wrote (CMT-MAE Fig. 3).
- radar: results of several models, given by hand or as evaluation.json of tools/evaluate.py
  (CMT-MAE Fig. 1).

Layers count from 0; negative layers count from the end. `decoder` is the last decoder layer, whose
input is masked at random. tools/model_converters/released_to_mmguided.py converts other ViTs, such
as those of timm, DINO and MoCo v3.
"""
import argparse
from pathlib import Path

from mmguided.cli.arguments import add_shared, tool_parser
from mmguided.utils.errors import exit_on_config_error

DECODER = 'decoder'


def layer(text: str) -> int | str:
    """Layer index or 'decoder'."""
    return text if text == DECODER else int(text)


def parse_args() -> argparse.Namespace:
    parser = tool_parser(__doc__)
    kinds = parser.add_subparsers(dest='kind', required=True)

    def add(kind: str, *layers: int) -> argparse.ArgumentParser:
        added = kinds.add_parser(kind)
        add_shared(added, '--out', default=Path(f'work_dirs/figures/{kind}.png'), metavar='FILE')
        if kind not in ('davis', 'radar'):
            add_shared(added, 'checkpoints', '--configs')
            add_shared(added, '--images', metavar='IMAGE|FOLDER')
            add_shared(added, '--seed', help='seed of masks')
        if layers:
            added.add_argument('--layers', nargs='+', type=layer, default=layers,
                               metavar='N|decoder')
        return added

    add('attention')
    add('relations', -1)
    clusters = add('clusters', -2)
    clusters.add_argument('--num-clusters', type=int, default=5, metavar='K')
    clusters.add_argument('--tsne', action='store_true', help='add a t-SNE of the patches')
    bipartition = add('bipartition', -2)
    bipartition.add_argument('--hint-ratio', type=float, default=.05, metavar='RATIO',
                             help='hints relative to the masked patches')
    add('reversed')
    davis = add('davis')
    davis.add_argument('folders', nargs='+', metavar='[NAME=]MASKS')
    davis.add_argument('--sequences', nargs='+', required=True, metavar='SEQUENCE')
    add_shared(davis, '--data-root', default='data/DAVIS', help='DAVIS folder')
    radar = add('radar')
    radar.add_argument('results', nargs='+', metavar='NAME=V1,V2,...|evaluation.json')
    radar.add_argument('--axes', nargs='+', metavar='AXIS', help='names of the values; of '
                       'evaluation.json: PROTOCOL/METRIC, default: first metric of each protocol')
    return parser.parse_args()


@exit_on_config_error
def main() -> None:
    parse_args()


if __name__ == '__main__':
    main()
