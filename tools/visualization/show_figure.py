r"""Draw the attention, the token relations and the masks of several models, and comparisons.

    M="MAE=work_dirs/mae/vit-b_800e/epoch_800.pth MoCo=work_dirs/converted/moco.pth"
    python tools/visualization/show_figure.py attention $M --images a.jpg FOLDER
    python tools/visualization/show_figure.py relations $M --images a.jpg --layers -1 decoder
    python tools/visualization/show_figure.py clusters $M --images a.jpg --num-clusters 5 --tsne
    python tools/visualization/show_figure.py bipartition $M --images a.jpg --layers 2 6 -2 decoder
    python tools/visualization/show_figure.py reversed $M 'Conditional MAE=...' --images a.jpg
    python tools/visualization/show_figure.py davis MAE=MASKS CMT-MAE=MASKS --sequences dogs-jump
    python tools/visualization/show_figure.py radar MAE=68,83.6 CMT-MAE=79.8,85.7 --axes linear full

The kinds, with one row per image and model:

- attention: [CLS] attention of each head in the last block, with the smallest region that holds
  half of it (Conditional MAE Figs. 11-13, Self-guided MAE Fig. 2c).
- relations: cosines M of the token relations, their cosine with the mean patch, and the [CLS]
  attention (Self-guided MAE Fig. 2).
- clusters: recursive normalized cuts of M, optionally with t-SNE (Self-guided MAE Figs. 1, III).
- bipartition: normalized cut of M, a random mask, and the informed masks of the cut without and
  with hints (Self-guided MAE Figs. 5, II, VIII).
- reversed: attention of the visible patches to a patch that the second shot masks, in the layer
  before that shot (Conditional MAE Fig. 6). At least one model needs two shots.
- davis: frames, annotations and predicted masks of DAVIS sequences, from the folders that
  `test_evaluator.out_dir` wrote (CMT-MAE Fig. 3).
- radar: results of several models, given by hand or as evaluation.json of tools/evaluate.py
  (CMT-MAE Fig. 1).

Layers count from 0; negative layers count from the end. `decoder` is the last decoder layer, whose
input is masked at random. tools/model_converters/released_to_mmguided.py converts other ViTs, such
as those of timm, DINO and MoCo v3.
"""
import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from mmguided.cli.arguments import (
    add_shared,
    figure_files,
    load_models,
    named_checkpoints,
    named_configs,
    named_paths,
    tool_parser,
)
from mmguided.cli.tool_runs import main_metrics
from mmguided.utils.errors import ConfigError, exit_on_config_error, imports_of_extra

with imports_of_extra('analysis'):
    from matplotlib.figure import Figure

    from mmguided.visualization import Panel, color_groups, cover, draw_panels, draw_radar, heatmap
    from mmguided.visualization.style import COLORS, SCORE_COLORS, save_figure

DECODER = 'decoder'
MASK_RATIO, IMAGES_PER_FOLDER, MAX_PATCHES, NUM_FRAMES = .75, 4, 4, 6


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
            add_shared(added, 'checkpoints', '--configs', '--trust-checkpoint')
            add_shared(added, '--images', metavar='IMAGE|FOLDER',
                       help=f'{IMAGES_PER_FOLDER} evenly spaced images of a folder')
        if layers or kind == 'reversed':
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
                       'evaluation.json: PROTOCOL/METRIC, default: main metric of each protocol')
    args = parser.parse_args()
    if args.kind == 'clusters' and not 2 <= args.num_clusters <= len(COLORS):
        raise ConfigError(f'--num-clusters={args.num_clusters}: out of range. Give a number from 2 '
                          f'to {len(COLORS)}.')
    return args


@dataclass(frozen=True)
class View:
    """Model and its images.

    Attributes:
        inputs: Normalized images, ``(B, 3, H, W)``.
        pictures: The same images, ``(B, H, W, 3)`` in [0, 1].
        grid: Patches ``(h, w)``.
    """
    model: object
    inputs: 'torch.Tensor'  # noqa: F821  # imported late
    pictures: np.ndarray
    grid: tuple[int, int]

    def maps(self, values) -> np.ndarray:
        """Values of patches ``(..., L)`` as maps ``(..., h, w)``."""
        return values.unflatten(-1, self.grid).cpu().numpy()


# Column title -> a panel for each image.
Columns = dict[str, list[Panel]]
# Columns of each model, legend and note, see draw_panels.
Drawing = tuple[dict[str, Columns], dict, str]


def views_of(args: argparse.Namespace) -> dict[str, View]:
    """Load the models and read the images of each."""
    from mmguided.analysis.inspection import normalized, read_for_model
    from mmguided.analysis.layers import check_encoders, grid_of
    from mmguided.datasets.analysis_images import AnalysisImages, list_images, stack_items
    from mmguided.utils.images import shown_bands
    checkpoints = named_checkpoints(args.checkpoints)
    models = load_models(checkpoints, named_configs(args.configs, checkpoints))
    check_encoders(models)
    sizes = {name: model.backbone.input_size for name, model in models.items()}
    files = [file for path in args.images for file in (
        list_images(path, IMAGES_PER_FOLDER) if path.is_dir() else [path])]
    read = partial(read_for_model, next(iter(models.values())))
    images = AnalysisImages(files, sizes.values(), read)
    items = [images[i] for i in range(len(images))]
    for file, item in zip(files, items, strict=True):
        if item is None:
            print(f"warning: --images='{file}': unreadable, skipped", file=sys.stderr)
    batch = stack_items(items)
    if batch is None:
        raise ConfigError(f'--images={str(args.images[0])!r}: no readable image. Give other '
                          'images.')
    views = {}
    for name, model in models.items():
        pixels = batch[sizes[name]]
        pictures = (pixels[:, shown_bands(pixels.shape[1])] / 255).clamp(0, 1).permute(0, 2, 3, 1)
        views[name] = View(model, normalized(model, pixels), pictures.numpy(),
                           grid_of(model, sizes[name])[0])
    return views


def layers_of(name: str, view: View, args: argparse.Namespace) -> dict:
    """Layers of --layers by title, without the decoder if the model has none."""
    import torch

    from mmguided.analysis.layers import decoder_layers, encoder_layers, has_decoder
    from mmguided.structures import PatchMask, resolve_layers
    encoder, found = encoder_layers(view.model, view.inputs), {}
    for number in args.layers:
        if number != DECODER:
            try:
                found[f'layer {number}'] = encoder[resolve_layers([number], len(encoder))[0]]
            except IndexError as error:
                raise ConfigError(f'--layers={number}: {name}: {error}') from error
        elif has_decoder(view.model):
            mask = PatchMask.random(len(view.inputs), view.grid, MASK_RATIO, view.inputs.device,
                                    torch.Generator().manual_seed(args.seed))
            found[DECODER] = decoder_layers(view.model, view.inputs, mask)[-1]
    return found


def panels_of(pictures: Iterable[np.ndarray]) -> list[Panel]:
    return [Panel(picture) for picture in pictures]


def score_legend(low: str, high: str) -> dict[str, tuple]:
    return {low: SCORE_COLORS(0.), high: SCORE_COLORS(1.)}


def draw_attention(views: Mapping[str, View], args: argparse.Namespace) -> Drawing:
    """[CLS] attention of the last block."""
    from mmguided.analysis import mass_region
    from mmguided.analysis.layers import encoder_layers
    drawn = {}
    for name, view in views.items():
        last = encoder_layers(view.model, view.inputs)[-1]
        if not last.num_extra:
            raise ConfigError(f'checkpoint={name!r}: the encoder has no [CLS]. Give another model.')
        heads = last.cls_attention()
        columns = drawn[name] = {'image': panels_of(view.pictures)}
        for number, attention in enumerate([heads.mean(dim=1), *heads.unbind(dim=1)]):
            regions = view.maps(mass_region(attention))
            columns[f'head {number - 1}' if number else 'mean'] = [
                Panel(picture, f'{100 * region.mean():.0f} %', region) for picture, region in zip(
                    heatmap(view.pictures, view.maps(attention)), regions, strict=True)]
    return drawn, score_legend('lowest attention of the map', 'highest'), (
        'Attention of [CLS] to the patches in the last block. Outlined: the fewest patches that '
        'get half of it; the number is their share of all patches (uniform attention: 50 %).')


def draw_relations(views: Mapping[str, View], args: argparse.Namespace) -> Drawing:
    """Cosines of the token relations, between patches and with the mean patch."""
    from mmguided.analysis import cosine_similarity, similarity_to_mean, similarity_variance
    drawn = {}
    for name, view in views.items():
        columns = drawn[name] = {'image': panels_of(view.pictures)}
        for title, layer in layers_of(name, view, args).items():
            relations = layer.activations().relations
            similarity = cosine_similarity(relations)
            columns[f'{title}: M'] = [
                Panel(SCORE_COLORS(matrix)[..., :3], f'σ_S = {variance:.2g}')
                for matrix, variance in zip(similarity.cpu().numpy(), similarity_variance(
                    similarity).tolist(), strict=True)]
            columns[f'{title}: cosine with the mean patch'] = panels_of(
                heatmap(view.pictures, view.maps(similarity_to_mean(relations)), (0., 1.)))
            if layer.num_extra:
                columns[f'{title}: [CLS] attention'] = panels_of(
                    heatmap(view.pictures, view.maps(layer.cls_attention().mean(dim=1))))
    return drawn, score_legend('cosine 0 or below; lowest attention', 'cosine 1; highest'), (
        'M: cosines between the attention outputs of all pairs of patches, row by row of the '
        'image. All cosines have the same scale; attention is scaled to the range of each map.')


def draw_clusters(views: Mapping[str, View], args: argparse.Namespace) -> Drawing:
    """Recursive normalized cuts."""
    from mmguided.analysis import match_clusters, patch_clusters
    drawn, first = {}, None
    for name, view in views.items():
        columns = drawn[name] = {'image': panels_of(view.pictures)}
        for title, layer in layers_of(name, view, args).items():
            relations = layer.activations().relations
            clusters = view.maps(patch_clusters(relations, args.num_clusters))
            first = clusters if first is None else first
            if first.shape == clusters.shape:
                clusters = match_clusters(clusters, first, args.num_clusters)
            columns[f'{title}: clusters'] = panels_of(color_groups(view.pictures, clusters))
            if args.tsne:
                columns[f'{title}: t-SNE'] = [
                    Panel(points=embed(points), colors=[COLORS[index] for index in groups.flat])
                    for points, groups in zip(relations.cpu().numpy(), clusters, strict=True)]
    return drawn, {}, (
        f'At most {args.num_clusters} clusters by recursive normalized cuts. Colors match those of '
        'the first clusters of an image where patches agree.')


def embed(relations: np.ndarray) -> np.ndarray:
    """Embed directions ``(n, D)`` by t-SNE, ``(n, 2)``, with a fixed seed."""
    from sklearn.manifold import TSNE
    from sklearn.preprocessing import normalize
    perplexity = min(30, (len(relations) - 1) / 3)
    return TSNE(perplexity=perplexity, random_state=0).fit_transform(normalize(relations))


def draw_bipartition(views: Mapping[str, View], args: argparse.Namespace) -> Drawing:
    """Normalized cut and informed masks."""
    import torch

    from mmguided.analysis import cosine_similarity
    from mmguided.models import MaskGenerator
    from mmguided.ops import normalized_cut
    from mmguided.structures import Clock, Observation
    topk = dict(type='mmguided.TopKSampling')
    hints = dict(type='mmguided.HintSampling', sampling=topk, ratio=args.hint_ratio)

    def masked(view: View, relations=None, **parts) -> list[Panel]:
        torch.manual_seed(args.seed)
        mask, _ = MaskGenerator(mask_ratio=MASK_RATIO, **parts)(
            view.inputs, view.grid, dict(student=Observation(1, relations={0: relations})), {},
            Clock())
        return panels_of(cover(view.pictures, view.maps(mask.mask)))

    drawn = {}
    for name, view in views.items():
        columns = drawn[name] = {'image': panels_of(view.pictures), 'random mask': masked(view)}
        for title, layer in layers_of(name, view, args).items():
            relations = layer.activations().relations
            side = normalized_cut(cosine_similarity(relations)).side
            columns[f'{title}: cut'] = panels_of(
                color_groups(view.pictures, view.maps(side.long())))
            for what, sampling in (('mask', topk), ('mask with hints', hints)):
                columns[f'{title}: {what}'] = masked(
                    view, relations, sampling=sampling,
                    guidance=dict(type='mmguided.NcutRelevance', layer=0))
    return drawn, {
        'object side of the cut': COLORS[1], 'other side': COLORS[0], 'masked': '0.5'}, (
        f'All masks cover {100 * MASK_RATIO:g} % of the patches; informed masks cover those most '
        f'similar to the mean of the object side. Hints: {100 * args.hint_ratio:g} % of them stay '
        'visible.')


def draw_reversed(views: Mapping[str, View], args: argparse.Namespace) -> Drawing:
    """Reversed attention of the patches of the last shot."""
    import torch
    import torch.nn.functional as F

    from mmguided.analysis import patch_distances
    from mmguided.analysis.layers import attention_before_last_shot
    from mmguided.models import MaskedImageModel, MaskedViT
    source = next((name for name, view in views.items() if isinstance(view.model, MaskedImageModel)
                   and len(view.model.mask_generator.layers) > 1), None)
    if source is None:
        raise ConfigError('checkpoint: no model has two shots. Give one of Conditional MAE.')
    torch.manual_seed(args.seed)
    model, inputs, grid = views[source].model, views[source].inputs, views[source].grid
    mask, _ = model.make_mask(inputs, model.observe(inputs))
    distances = patch_distances(grid, inputs.shape[-1] / grid[1], inputs.device)
    drawn = {}
    for name, view in views.items():
        if not isinstance(view.model.backbone, MaskedViT) or view.grid != grid or (
                view.model.backbone.num_layers != model.backbone.num_layers):
            raise ConfigError(f'checkpoint={name!r}: not a MaskedViT with the layers and patches '
                              f'of {source}. Give models of one encoder size.')
        shares, patches = attention_before_last_shot(view.model, view.inputs, mask)
        to_all = distances[patches]  # (B, s, L)
        reach = (shares * to_all).nansum(dim=2).tolist()
        uniform = torch.where(shares.isnan(), torch.nan, to_all).nanmean(dim=2).tolist()
        seen = cover(view.pictures, view.maps(mask.mask_at(mask.shots[-1][0] - 1)))
        columns = drawn[name] = {'first shot': panels_of(seen)}
        for i in range(min(MAX_PATCHES, patches.shape[1])):
            regions = view.maps(F.one_hot(patches[:, i], mask.num_patches) > 0)
            columns[f'patch {i}'] = [
                Panel(picture, f'{far[i]:.0f} px ({chance[i]:.0f})', region)
                for picture, region, far, chance in zip(
                    heatmap(seen, view.maps(shares[:, i])), regions, reach, uniform, strict=True)]
    return drawn, {'masked': '0.5'} | score_legend('lowest share of the map', 'highest'), (
        f'Attention of the visible patches to a patch (outlined) that the last shot of {source} '
        f'masks, in layer {mask.shots[-1][0] - 1}, the last one that sees it. The number is the '
        'mean distance to the attending patches (in parentheses: uniform attention).')


def draw_davis(args: argparse.Namespace) -> Drawing:
    """Frames, annotations and predictions of sequences."""
    import torch

    from mmguided.evaluation import score_folders
    from mmguided.evaluation.davis_metric import overlays
    from mmguided.utils.images import read_image
    from mmguided.utils.mask_files import read_mask
    annotations = Path(args.data_root, 'Annotations/480p')
    folders = {'annotation': annotations} | named_paths('folder', args.folders)
    titles = [f'{100 * share:.0f} %' for share in np.linspace(0, 1, NUM_FRAMES)]
    drawn = {name: {title: [] for title in titles} for name in ('frame', *folders)}
    for sequence in args.sequences:
        scores = {name: 100 * score_folders(folder, annotations, [sequence])[1]['J&F-Mean']
                  for name, folder in folders.items()}
        paths = sorted(Path(args.data_root, 'JPEGImages/480p', sequence).glob('*.jpg'))
        for title, i in zip(titles, np.linspace(0, len(paths) - 1, NUM_FRAMES).round().astype(int),
                            strict=True):
            frame = np.asarray(read_image(paths[i], '--data-root'))
            drawn['frame'][title].append(Panel(frame / 255, f'{sequence} {paths[i].stem}'))
            bgr = torch.from_numpy(frame[None, ..., ::-1].copy()).permute(0, 3, 1, 2)
            for name, folder in folders.items():
                mask = read_mask(Path(folder, sequence, f'{paths[i].stem}.png'))
                picture, = overlays(bgr, mask[None])
                is_scored = title == titles[0] and name != 'annotation'
                drawn[name][title].append(Panel(
                    picture[..., ::-1] / 255, f'J&F {scores[name]:.1f}' if is_scored else ''))
    return drawn, {}, (
        'Frames at these shares of the video. The annotation of the first frame is given. J&F: '
        'mean over the objects of the sequence, in percent.')


def radar_values(args: argparse.Namespace) -> tuple[dict[str, list[float]], list[str]]:
    """Values by model name, and names of the axes."""
    if len(args.results) == 1 and args.results[0].endswith('.json'):
        runs = json.loads(Path(args.results[0]).expanduser().read_text())
        axes = args.axes or list(dict.fromkeys(
            f'{run["protocol"]}/{main_metrics([run])[0]}' for run in runs))
        results = {}
        for name in dict.fromkeys(run['checkpoint'] for run in runs):
            values = [[value for run in runs if run['checkpoint'] == name
                       for metric, value in run['metrics'].items()
                       if f'{run["protocol"]}/{metric}' == axis] for axis in axes]
            if not all(values):
                raise ConfigError(f'--axes={axes[values.index([])]!r}: {name} has no such result. '
                                  'Give PROTOCOL/METRIC of results of all models.')
            results[name] = [float(np.mean(each)) for each in values]
        return results, axes
    results = {}
    for text in args.results:
        name, _, values = text.rpartition('=')
        try:
            results[name] = [float(value) for value in values.split(',')]
        except ValueError:
            raise ConfigError(f'results={text!r}: not NAME=V1,V2,... Give numbers.') from None
    if not args.axes or any(len(values) != len(args.axes) for values in results.values()):
        raise ConfigError(f'--axes={args.axes}: the models have '
                          f'{", ".join(str(len(values)) for values in results.values())} values. '
                          'Give a name for each value.')
    return results, args.axes


DRAWINGS: Mapping[str, Callable[[Mapping[str, View], argparse.Namespace], Drawing]] = dict(
    attention=draw_attention, relations=draw_relations, clusters=draw_clusters,
    bipartition=draw_bipartition, reversed=draw_reversed)


def figure_of(args: argparse.Namespace) -> Figure:
    if args.kind == 'radar':
        return draw_radar(*radar_values(args))
    # The toolboxes are imported late because they take many seconds, and quietly.
    from mmguided.utils.toolboxes import import_toolboxes
    import_toolboxes('mmpretrain')
    drawn, legend, note = draw_davis(args) if args.kind == 'davis' else (
        DRAWINGS[args.kind](views_of(args), args))
    titles = list(dict.fromkeys(title for columns in drawn.values() for title in columns))
    number = len(next(iter(next(iter(drawn.values())).values())))
    groups = [[(name, [columns[title][i] if title in columns else None for title in titles])
               for name, columns in drawn.items()] for i in range(number)]
    return draw_panels(groups, titles, legend, note)


@exit_on_config_error
def main() -> None:
    args = parse_args()
    outs = figure_files(args.out)
    save_figure(figure_of(args), outs)
    print(*outs)


if __name__ == '__main__':
    main()
