r"""Draw patch clusters of images for several models (Self-guided MAE, Fig. 1 and III).

    python tools/visualization/show_clusters.py MAE=work_dirs/mae/vit-b_800e/epoch_800.pth \
        'Self-guided MAE=work_dirs/self_guided_mae/vit-b_800e/epoch_800.pth' --images a.jpg b.jpg

The graph of an image's patches, weighted by the cosines of their token relations in --layer, is cut
in two by a normalized cut. Then the largest part is cut again, until there are --num-clusters
parts. Each row shows an image and the clusters of each model, with matching colors where clusters
agree. --tsne adds a t-SNE embedding of the patches' token relations.
"""
import argparse
from pathlib import Path

import numpy as np

from mmguided.cli.arguments import (
    add_shared,
    figure_files,
    load_models,
    named_checkpoints,
    named_configs,
    tool_parser,
)
from mmguided.utils.errors import (
    ConfigError,
    check_file,
    exit_on_config_error,
    imports_of_extra,
)

with imports_of_extra('analysis'):
    from mmguided.visualization import draw_clusters
    from mmguided.visualization.style import COLORS, save_figure


def parse_args() -> argparse.Namespace:
    parser = tool_parser(__doc__, 'checkpoints', '--configs', '--images')
    parser.add_argument('--num-clusters', type=int, default=5, metavar='K')
    parser.add_argument('--layer', type=int, default=-2, metavar='N', help='encoder layer, from 0 '
                        'or, if negative, from the end; default: second to last, as in the paper')
    parser.add_argument('--tsne', action='store_true', help='add a t-SNE embedding of the patches')
    add_shared(parser, '--out', default=Path('work_dirs/clusters.png'), metavar='FILE')
    args = parser.parse_args()
    if not 2 <= args.num_clusters <= len(COLORS):
        raise ConfigError(f'--num-clusters={args.num_clusters}: out of range. Give a number from 2 '
                          f'to {len(COLORS)}.')
    for image in args.images:
        check_file('--images', str(image), 'Give images.')
    return args


def embed(relations: np.ndarray) -> np.ndarray:
    """Embed directions ``(n, D)`` by t-SNE, ``(n, 2)``, with a fixed seed."""
    from sklearn.manifold import TSNE
    from sklearn.preprocessing import normalize
    perplexity = min(30, (len(relations) - 1) / 3)
    return TSNE(perplexity=perplexity, random_state=0).fit_transform(normalize(relations))


@exit_on_config_error
def main() -> None:
    args = parse_args()
    outs = figure_files(args.out)
    checkpoints = named_checkpoints(args.checkpoints)
    configs = named_configs(args.configs, checkpoints)

    # Imported late because they take many seconds; the toolboxes first, quietly.
    from mmguided.utils.toolboxes import import_toolboxes
    import_toolboxes('mmpretrain')
    import torch

    import mmguided
    from mmguided.analysis import match_clusters, patch_clusters
    from mmguided.structures import Wants
    wants = Wants(relations=frozenset({args.layer}))
    shown = {}
    for name, model in load_models(checkpoints, configs).items():
        images = mmguided.inspect(model, args.images).images
        model.backbone.check_wants(wants)
        mean, std = model.data_preprocessor.mean, model.data_preprocessor.std
        inputs = 255 * torch.from_numpy(images).permute(0, 3, 1, 2).to(mean.device)
        inputs = (inputs - mean) / std
        relations, = model.backbone.observe(inputs, wants).relations.values()
        clusters = patch_clusters(relations, args.num_clusters).unflatten(
            1, model.backbone.patch_grid(inputs)).cpu().numpy()
        first = next(iter(shown.values()))['clusters'] if shown else clusters
        if first.shape == clusters.shape:
            clusters = match_clusters(clusters, first, args.num_clusters)
        points = None
        if args.tsne:
            points = np.stack([embed(each) for each in relations.cpu().numpy()])
        shown[name] = dict(images=images, clusters=clusters, points=points)
    save_figure(draw_clusters(shown), outs)
    print(*outs)


if __name__ == '__main__':
    main()
