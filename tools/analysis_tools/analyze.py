r"""Compare models layer by layer: arrays, figures and one report.

    python tools/analysis_tools/analyze.py --images data/imagenet/val --out work_dirs/analysis \
        mae=work_dirs/mae/vit-b_800e/epoch_800.pth ccmim=work_dirs/ccmim/vit-b_800e/epoch_800.pth

--configs sets the config of checkpoints without a config, such as those of MAE and mmpretrain:
configs/mae/vit-b_800e.py for a whole MAE, or a k-NN config of configs/benchmarks/imagenet for an
encoder. Only the encoder of a classifier is analyzed. --images is a folder or a config. Images of a
folder are RGB, or are loaded as in training for models of other channels. With a config, the tool
reads its test data, or the images of its figure sheet, with the pipeline of the config.

Encoders see whole images; decoders see random masks, which are the same for all models.
docs/analysis.md defines the measures and lists the corresponding figures of the papers. Measures
that compare two models (cka, attention_kl, similarity_kl) and the gaps, which use the groups of the
reference, need --reference, by default the first checkpoint. Checkpoints epoch_N.pth of one folder
are treated as a run: the reference is the last epoch, and measures are also drawn over epochs.
--labels adds t-SNE of the patches, colored by class. Layers are numbered from 0.

The folder --out contains analysis.npz and analysis.csv, figures as .png and .pdf, and the
self-contained report.html.
"""
import argparse
import csv
import re
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from mmguided.cli.arguments import (
    add_shared,
    figure_files,
    load_config,
    load_models,
    local_path,
    named_checkpoints,
    named_configs,
    tool_parser,
)
from mmguided.cli.config_checks import check_data
from mmguided.utils.configs import converts_to_rgb, preprocessor_settings
from mmguided.utils.errors import ConfigError, exit_on_config_error, imports_of_extra

with imports_of_extra('analysis'):
    from mmguided.visualization import (
        Figure,
        LayerCurve,
        Table,
        draw_layers,
        draw_lines,
        draw_points,
        draw_similarities,
        html_report,
    )

MAX_TSNE_IMAGES, PATCHES_PER_CLASS = 500, 200


def parse_args() -> argparse.Namespace:
    parser = tool_parser(__doc__, 'checkpoints', '--configs', '--trust-checkpoint')
    add_shared(parser, '--images', nargs=None, metavar='FOLDER|CONFIG')
    parser.add_argument('--measures', nargs='+', metavar='MEASURE', help='measures; default: all')
    parser.add_argument('--reference', metavar='NAME',
                        help='reference; default: the first checkpoint, or the last epoch of a run')
    parser.add_argument('--labels', type=local_path, metavar='FOLDER',
                        help='label maps: PNG files with the paths of the images in --images')
    parser.add_argument('--ignore-label', type=int, default=255, metavar='N',
                        help='label of pixels without a class; 0 in ADE20K')
    parser.add_argument('--num-images', type=int, default=512, metavar='N', help='maximum number')
    parser.add_argument('--batch-size', type=int, default=32, metavar='N')
    parser.add_argument('--mask-ratio', type=float, default=.75, metavar='RATIO',
                        help="mask ratio of the decoder's input; 0 masks nothing")
    parser.add_argument('--workers', type=int, default=2, metavar='N')
    add_shared(parser, '--seed', help='seed of masks and t-SNE')
    add_shared(parser, '--out', default=Path('work_dirs/analysis'), metavar='FOLDER')
    return parser.parse_args()


def epochs_of(checkpoints: Mapping[str, Path]) -> dict[str, int] | None:
    """Map names to epochs if all are files epoch_N.pth of one folder; else return None."""
    matches = {name: re.fullmatch(r'epoch_(\d+)\.pth', path.name)
               for name, path in checkpoints.items()}
    folders = {path.resolve().parent for path in checkpoints.values()}
    if len(checkpoints) < 2 or len(folders) > 1 or not all(matches.values()):
        return None
    return {name: int(match[1]) for name, match in matches.items()}


def check_args(args: argparse.Namespace) -> None:
    """Check the options before models are built."""
    for field, least in (('num_images', 1), ('batch_size', 1), ('workers', 0), ('seed', 0)):
        if getattr(args, field) < least:
            raise ConfigError(f'--{field.replace("_", "-")}={getattr(args, field)}: too small. '
                              f'Give at least {least}.')
    if not 0 <= args.mask_ratio < 1:
        raise ConfigError(f'--mask-ratio={args.mask_ratio}: out of range. Give 0 <= RATIO < 1.')
    if args.out.exists() and not args.out.is_dir():
        raise ConfigError(f'--out={str(args.out)!r}: is a file. Give a folder.')
    if args.images.suffix != '.py' and not args.images.is_dir():
        raise ConfigError(f'--images={str(args.images)!r}: no such folder. Give a folder of images '
                          'or a config (.py).')
    if args.labels and not args.labels.is_dir():
        raise ConfigError(f'--labels={str(args.labels)!r}: no such folder. Give the folder of the '
                          'label maps.')
    if args.labels and args.images.suffix == '.py':
        raise ConfigError(f'--labels={str(args.labels)!r}: needs a folder of images, not a config. '
                          'Set --images FOLDER.')


def read_dataset(config: str):
    """Build the test data of a config, or the images of its figure sheet; also return whether
    inputs of three channels are BGR."""
    from mmengine.registry import DATASETS, DefaultScope

    from mmguided.analysis.inspection import find_loading_transform
    from mmguided.utils.toolboxes import import_parts
    cfg = load_config(config)
    hook = cfg.get('default_hooks', {}).get('figure_sheet') or next(
        (hook for hook in cfg.get('custom_hooks', ()) if 'FigureSheet' in hook['type']), {})
    dataset = (cfg.get('test_dataloader') or {}).get('dataset') or hook.get('dataset')
    if dataset is None:
        raise ConfigError(f'--images={config!r}: has neither a `test_dataloader` nor a figure '
                          'sheet. Give a folder of images.')
    if cfg.get('test_dataloader'):
        check_data(cfg, ('test_dataloader', ))
    import_parts(cfg)
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmengine')):
        is_bgr = converts_to_rgb(preprocessor_settings(cfg)) or bool(
            find_loading_transform(dataset))
        return DATASETS.build(dataset), is_bgr


class Images:
    """Batches of images for each model.

    Attributes:
        dataset: Items in one or more sizes.
        num_read: Number of images read in the last pass.
    """

    def __init__(self, args: argparse.Namespace, models: Mapping) -> None:
        from mmguided.analysis.inspection import read_for_model
        from mmguided.analysis.layers import check_encoders
        from mmguided.datasets.analysis_images import AnalysisImages, DatasetImages, list_images
        self.args, self.models, self.num_read = args, models, 0
        check_encoders(models)
        sizes = {name: model.backbone.input_size for name, model in models.items()}
        self.sizes = sizes
        if args.images.suffix == '.py':
            self.dataset = DatasetImages(*read_dataset(str(args.images)), args.num_images)
            given, = (key for key in self.dataset[0])
            for name, size in sizes.items():
                if size != given:
                    raise ConfigError(f'--images={str(args.images)!r}: images have size {given}, '
                                      f'but {name} takes {size} (height, width). Give a folder.')
        else:
            self.read = partial(read_for_model, next(iter(models.values())))
            self.dataset = AnalysisImages(
                list_images(args.images, args.num_images), sizes.values(), self.read)

    def __iter__(self) -> Iterator[dict]:
        """Yield batches of normalized images by model name; show a progress bar."""
        from torch.utils.data import DataLoader
        from tqdm import tqdm

        from mmguided.analysis.inspection import normalized
        from mmguided.datasets.analysis_images import stack_items
        self.num_read = 0
        loader = DataLoader(self.dataset, self.args.batch_size, num_workers=self.args.workers,
                            collate_fn=stack_items)
        for batch in tqdm(loader, desc='images', unit='batch'):
            if batch is None:
                continue
            self.num_read += len(next(iter(batch.values())))
            yield {name: normalized(self.models[name], batch[size])
                   for name, size in self.sizes.items()}
        if not self.num_read:
            raise ConfigError(f'--images={str(self.args.images)!r}: no readable image. Give '
                              'another folder.')


def write_arrays(results: Mapping, out: Path) -> None:
    """Write analysis.npz and analysis.csv. Model names are values in both, never keys."""
    from mmguided.analysis.measures import MEASURES, PAIR_MEASURES
    known = MEASURES | PAIR_MEASURES
    arrays = dict(models=np.array(list(results)))
    with open(out / 'analysis.csv', 'w', newline='', encoding='utf-8',
              errors='backslashreplace') as file:
        rows = csv.writer(file)
        rows.writerow(['model', 'measure', 'part', 'layer', 'entry', 'mean', 'standard_error',
                       'images'])
        for number, (name, result) in enumerate(results.items()):
            for (measure, part), estimate in result.layers.items():
                key, error = f'{number}/{measure}/{part}', estimate.standard_error
                arrays[key] = estimate.mean
                if error is not None:
                    arrays[f'{key}/standard_error'] = error
                names = known[measure].entries.split(', ')  # one for all, or one per value
                for layer, *entry in np.ndindex(estimate.mean.shape):
                    index = (layer, *entry)
                    called = '' if not entry else (
                        f'{names[0]} {entry[0]}' if len(names) == 1 else names[entry[0]])
                    rows.writerow([
                        name, measure, part, layer, called, f'{estimate.mean[index]:.6g}',
                        '' if error is None else f'{error[index]:.3g}', estimate.num_images])
            if result.cka is not None:
                arrays[f'{number}/cka'] = result.cka
                for (first, second), value in np.ndenumerate(result.cka):
                    rows.writerow([name, 'cka', 'encoder', second, f'reference {first}',
                                   f'{value:.6g}', '', ''])
    np.savez_compressed(out / 'analysis.npz', **arrays)


def note_of(estimates: Sequence) -> str:
    """Number of images, and meaning of the bars if there are any."""
    found = [estimate.num_images for estimate in estimates]
    number = ' to '.join(map(str, dict.fromkeys((min(found), max(found)))))
    return ('bars: standard error of the mean of ' if estimates[0].curve_error is not None else
            'mean of ') + f'{number} images'


def layer_figures(results: Mapping, out: Path) -> list[Figure]:
    """Draw a figure of each measure, and the spectrum."""
    from mmguided.analysis import frequencies
    from mmguided.analysis.measures import ENCODER, MEASURES, PAIR_MEASURES
    figures = []
    for name, measure in (MEASURES | PAIR_MEASURES).items():
        found = {model: {part: estimate for (other, part), estimate in result.layers.items()
                         if other == name} for model, result in results.items()}
        curves = {model: {part: LayerCurve(
            estimate.curve, estimate.curve_error,
            estimate.mean if measure.entries == 'head' else None, estimate.uniform)
            for part, estimate in parts.items()} for model, parts in found.items() if parts}
        if curves:
            note = note_of([each for parts in found.values() for each in parts.values()])
            draw_layers(curves, measure.label, note, figure_files(out / f'{name}.png'))
            dots = ' Dots are heads, the curve is their mean.' if measure.entries == 'head' else ''
            figures.append(Figure(measure.title, out / f'{name}.png',
                                  measure.description + dots))
    spectra = {model: (found, frequencies(result.grid)) for model, result in results.items()
               if (found := result.layers.get(('relative_log_amplitude', ENCODER)))}
    if spectra:
        draw_lines({'last layer of the encoder': {
            model: (x, found.mean[-1], found.standard_error[-1])
            for model, (found, x) in spectra.items()}}, 'frequency, share of π',
            'relative log amplitude', note_of([found for found, _ in spectra.values()]),
            figure_files(out / 'spectrum.png'))
        figures.append(Figure('Fourier: spectrum', out / 'spectrum.png',
                              MEASURES['relative_log_amplitude'].description))
    return figures


def epoch_figures(results: Mapping, epochs: Mapping[str, int], out: Path) -> list[Figure]:
    """Draw each measure over the epochs of a run, with a line for each layer."""
    from mmguided.analysis.measures import MEASURES, PAIR_MEASURES
    figures = []
    ordered = sorted(epochs, key=epochs.get)
    for name, measure in (MEASURES | PAIR_MEASURES).items():
        panels, shown = {}, []
        for part in ('encoder', 'decoder'):
            found = [results[model].layers.get((name, part)) for model in ordered]
            if all(found):
                shown += found
                panels[part] = {f'layer {layer}': (
                    [epochs[model] for model in ordered],
                    [estimate.curve[layer] for estimate in found],
                    None if found[0].curve_error is None else
                    [estimate.curve_error[layer] for estimate in found])
                    for layer in range(len(found[0].curve))}
        if panels:
            file = f'{name}_over_epochs'
            draw_lines(panels, 'epoch', measure.label, note_of(shown),
                       figure_files(out / f'{file}.png'), ordered=True)
            figures.append(Figure(f'{measure.title} over epochs', out / f'{file}.png',
                                  measure.description))
    return figures


def cka_figure(results: Mapping, reference: str, out: Path) -> list[Figure]:
    """Draw the similarity of the encoders' layers with the layers of the reference."""
    found = {name: result.cka for name, result in results.items() if result.cka is not None}
    if not found:
        return []
    draw_similarities(found, reference, 'linear CKA', figure_files(out / 'cka.png'))
    return [Figure('CKA', out / 'cka.png', 'Similarity of the features of two layers: 1 if they '
                   'differ by a rotation and a scale, about 0 if they are unrelated.')]


def labeled_images(args: argparse.Namespace, images: Images):
    """Build the dataset of --labels, in the input size of the first model."""
    with imports_of_extra('analysis'):
        import sklearn  # noqa: F401  # fail before the measurements

    from mmguided.datasets.analysis_images import LabeledImages
    return LabeledImages(args.images, args.labels, next(iter(images.sizes.values())),
                         args.ignore_label, MAX_TSNE_IMAGES, images.read)


def tsne_figure(args: argparse.Namespace, images: Images, dataset, out: Path) -> list[Figure]:
    """Draw t-SNE of the patches in the last layer of each encoder, by class; write tsne.npz."""
    from sklearn.manifold import TSNE
    from torch.utils.data import DataLoader
    from tqdm import tqdm

    from mmguided.analysis.inspection import normalized
    from mmguided.analysis.layers import encoder_layers, grid_of
    from mmguided.analysis.patches import majority_labels, sample_patches
    from mmguided.datasets.analysis_images import LABELS, stack_items
    first, size = next(iter(images.models)), dataset.size
    grid, side = grid_of(images.models[first], size)
    models = {name: model for name, model in images.models.items()
              if images.sizes[name] == size and grid_of(model, size)[0] == grid}
    labels, features = [], {name: [] for name in models}
    for batch in tqdm(DataLoader(dataset, args.batch_size, collate_fn=stack_items,
                                 num_workers=args.workers), desc='t-SNE', unit='batch'):
        if batch is None:
            continue
        for name, model in models.items():
            layer = encoder_layers(model, normalized(model, batch[size]))[-1]
            features[name].append(layer.tokens.flatten(0, 1).cpu().numpy())
        labels.append(majority_labels(batch[LABELS], side).flatten().numpy())
    labels = np.concatenate(labels) if labels else np.empty(0, int)
    chosen = sample_patches(labels, PATCHES_PER_CLASS, args.seed)
    if len(chosen) <= 30:  # the usual perplexity
        print(f'warning: --labels={str(args.labels)!r}: only {len(chosen)} patches have a class, '
              'too few for t-SNE', file=sys.stderr)
        return []
    labels = labels[chosen]
    panels = {name: TSNE(random_state=args.seed).fit_transform(np.concatenate(parts)[chosen])
              for name, parts in features.items()}
    names, groups = np.unique(labels, return_inverse=True)
    np.savez_compressed(out / 'tsne.npz', models=np.array(list(panels)), labels=labels,
                        points=np.stack(list(panels.values())))
    draw_points(panels, groups, [f'class {name}' for name in names], figure_files(out / 'tsne.png'))
    others = [name for name in images.models if name not in models]
    return [Figure('t-SNE of patches', out / 'tsne.png',
                   f'{len(chosen)} patches of the last layer of the encoder, at most '
                   f'{PATCHES_PER_CLASS} of each of {len(names)} classes; a patch has the class of '
                   'more than half of its pixels.' + (
                       f' Not shown because of another size or grid: {", ".join(others)}.'
                       if others else ''))]


def summary_tables(results: Mapping, checkpoints: Mapping[str, Path], models: Mapping,
                   num_read: int) -> list[Table]:
    """Tabulate the models, the measures of their last layers, and omitted measures."""
    from mmguided.analysis.inspection import method_name
    from mmguided.analysis.measures import MEASURES, PAIR_MEASURES
    tables = [Table('Models', ['name', 'method', 'encoder', 'checkpoint'], [
        [name, method_name(model),
         f'{len(model.backbone.layers)} layers x {model.backbone.embed_dims}',
         str(checkpoints[name])] for name, model in models.items()])]
    rows = []
    for name, measure in (MEASURES | PAIR_MEASURES).items():
        for part in ('encoder', 'decoder'):
            found = [result.layers.get((name, part)) for result in results.values()]
            if any(found):
                uniform = {estimate.uniform for estimate in found if estimate} - {None}
                rows.append([
                    f'{part}: {measure.label}', *(_with_error(estimate) for estimate in found),
                    ', '.join(f'{value:.3g}' for value in sorted(uniform))])
    tables.append(Table('Last layers, mean ± standard error',
                        ['measure', *results, 'uniform attention'], rows))
    left_out = [[name, what, why] for name, result in results.items()
                for what, why in result.skipped.items()]
    left_out += [[name, f'{measure}, {part}', f'{num_read - estimate.num_images} images have none']
                 for name, result in results.items()
                 for (measure, part), estimate in result.layers.items()
                 if estimate.num_images < num_read]
    return tables + ([Table('Left out', ['model', 'measure', 'why'], left_out)] if left_out else [])


def _with_error(estimate) -> str:
    if estimate is None:
        return '-'
    error = estimate.curve_error
    return f'{estimate.curve[-1]:.3g}' + ('' if error is None else f' ± {error[-1]:.2g}')


@exit_on_config_error
def main() -> None:
    args = parse_args()
    checkpoints = named_checkpoints(args.checkpoints)
    configs = named_configs(args.configs, checkpoints)
    check_args(args)
    epochs = epochs_of(checkpoints)
    reference = args.reference or (
        max(epochs, key=epochs.get) if epochs else next(iter(checkpoints)))
    if reference not in checkpoints:
        raise ConfigError(f'--reference={reference!r}: not the name of a checkpoint. Give one of '
                          f'{list(checkpoints)}.')

    # Imported late because they take many seconds.
    from mmguided.analysis.measures import CKA, MEASURES, PAIR_MEASURES, measure_models
    known = [*MEASURES, *PAIR_MEASURES, CKA]
    if unknown := set(args.measures or ()) - set(known):
        raise ConfigError(f'--measures={sorted(unknown)[0]}: unknown. Choose from '
                          f'{", ".join(known)}.')
    if CKA in (args.measures or ()) and args.batch_size < 4:
        raise ConfigError(f'--batch-size={args.batch_size}: too small for cka. Give at least 4.')
    measures = args.measures or known
    models = load_models(checkpoints, configs)
    images = Images(args, models)
    labeled = labeled_images(args, images) if args.labels else None
    args.out.mkdir(parents=True, exist_ok=True)
    results = measure_models(models, images, measures, reference, args.mask_ratio, args.seed)
    num_read = images.num_read
    write_arrays(results, args.out)
    figures = [*layer_figures(results, args.out), *cka_figure(results, reference, args.out)]
    if epochs:
        figures += epoch_figures(results, epochs, args.out)
    if labeled is not None:
        figures += tsne_figure(args, images, labeled, args.out)
    unread = len(images.dataset) - num_read
    summary = [f'{num_read} images of {args.images}'
               + (f'; {unread} more could not be read' if unread else ''),
               f'Reference: {reference}. Decoders see {1 - args.mask_ratio:.0%} of the patches. '
               'Layers count from 0.',
               f'Command: {shlex.join(["python", *sys.argv])}']
    report = args.out / 'report.html'
    report.write_text(html_report('Analysis of ' + ', '.join(models), summary,
                                  summary_tables(results, checkpoints, models, num_read), figures),
                      encoding='utf-8', errors='backslashreplace')
    print(f'{report}, {len(figures)} figures, analysis.npz and analysis.csv: '
          f'{num_read} images, {len(models)} models')


if __name__ == '__main__':
    main()
