"""Accuracy of a classifier on occluded and shuffled images (Conditional MAE, A.5)."""
from collections.abc import Container, Hashable, Mapping, Sequence
from statistics import mean, stdev

import torch
from mmengine.dataset import BaseDataset
from mmengine.evaluator import Evaluator
from mmengine.runner import Runner
from mmpretrain.evaluation import Accuracy
from mmpretrain.models import BaseClassifier
from mmpretrain.utils import track_on_main_process
from torch import Tensor
from torch.utils.data import DataLoader

from mmguided.datasets import PatchShuffle, RandomPatchOcclusion
from mmguided.datasets.transforms.perturbations import Perturbation
from mmguided.utils.errors import ConfigError

#: Levels that leave images as they are.
CLEAN = dict(occlusion=0, shuffle=1)
#: What to do about a field that samples need and do not have.
REMEDIES = dict(gt_label='put the images of each class into a folder of their own',
                sample_idx="add it to PackInputs' meta_keys")


def robustness_curves(model: BaseClassifier,
                      dataloader: DataLoader | dict,
                      occlusion: Sequence[float] = (0, .1, .25, .5, .75, .9),
                      shuffle: Sequence[int] = (1, 2, 4, 8),
                      seeds: Sequence[int] = (0, ),
                      patch_size: int = 16,
                      done: Sequence[dict] = ()) -> list[dict]:
    """Top-1 accuracy of a classifier at each level of two perturbations.

    Each image is read and decoded once. In a distributed run each process evaluates its share of
    the images, and all return the same.

    Args:
        model: Classifier in evaluation mode, on its device.
        dataloader: Of labeled images of one size, or the config of one such as
            ``cfg.test_dataloader``.
        occlusion: Ratios of :class:`mmguided.datasets.RandomPatchOcclusion`.
        shuffle: Grids of :class:`mmguided.datasets.PatchShuffle`.
        seeds: Of both; each draws other patches and permutations.
        patch_size: Side of the occluded patches, in pixels.
        done: Rows of an earlier call, which are not computed again.

    Returns:
        The rows of ``done``, and behind them a dict for each further level and seed:
        ``perturbation`` ('occlusion' or 'shuffle'), ``level`` (ratio or grid), ``seed`` and
        ``top1`` in per cent. Ratio 0 and grid 1 are the images as they are, without a seed (None).

    Raises:
        ConfigError: A ratio, grid, size or seed cannot be, or does not fit the images; the images
            have no labels.
    """
    settings = dict.fromkeys(
        (perturbation, level, seed)
        for perturbation, levels in (('occlusion', occlusion), ('shuffle', shuffle))
        for level in levels
        for seed in ((None, ) if level == CLEAN[perturbation] else seeds))
    known = {_setting(row): row['top1'] for row in done}
    missing = [setting for setting in settings if setting not in known]
    accuracies = {_key(*setting): top1 for setting, top1 in known.items()}
    perturbations = {_key(*setting): _build(*setting, patch_size) for setting in missing
                     if _key(*setting) not in accuracies}
    if perturbations:
        accuracies |= _evaluate(model, Runner.build_dataloader(dataloader), perturbations)
    return [*done, *(
        dict(perturbation=perturbation, level=level, seed=seed,
             top1=accuracies[_key(perturbation, level, seed)])
        for perturbation, level, seed in missing)]


def chance_level(dataset: BaseDataset) -> float:
    """Accuracy in per cent of always answering with the most frequent class: what is left when
    images tell nothing. 100 / C where C classes have the same number of images.

    Raises:
        ConfigError: The images have no labels.
    """
    _check_field(dataset.get_data_info(0), 'gt_label')
    labels = [dataset.get_data_info(i)['gt_label'] for i in range(len(dataset))]
    return 100 * torch.tensor(labels).bincount().max().item() / len(labels)


def summarize_levels(rows: Sequence[dict]) -> dict[tuple[str, float], tuple[float, float | None]]:
    """Of the rows of :func:`robustness_curves`, the mean of ``top1`` over seeds and its sample
    standard deviation, None for a single value, by perturbation and rising level."""
    values = {}
    for row in sorted(rows, key=lambda row: (row['perturbation'], row['level'])):
        values.setdefault((row['perturbation'], row['level']), []).append(row['top1'])
    return {setting: (mean(found), stdev(found) if len(found) > 1 else None)
            for setting, found in values.items()}


def robustness_table(results: Mapping[str, Sequence[dict]]) -> str:
    """Markdown: a row for each setting and a column of top-1 accuracies, mean ± standard deviation
    over seeds, for each name of a classifier and its rows of :func:`robustness_curves`."""
    summaries = [summarize_levels(rows) for rows in results.values()]
    # Both perturbations may have the images as they are, in one row then.
    columns = [{_describe(*setting): _cell(*values) for setting, values in summary.items()}
               for summary in summaries]
    names = dict.fromkeys(_describe(*setting) for setting in sorted(set().union(*summaries)))
    rows = [['images', *results], ['---'] * (1 + len(results)), *(
        [name, *(column.get(name, '-') for column in columns)] for name in names)]
    return '\n'.join(f'| {" | ".join(row)} |' for row in rows)


def _setting(row: dict) -> tuple[str, float, int | None]:
    return row['perturbation'], row['level'], row['seed']


def _key(perturbation: str, level: float, seed: int | None) -> Hashable:
    """What the accuracy depends on; None for images as they are, whatever leaves them so."""
    return None if level == CLEAN[perturbation] else (perturbation, level, seed)


def _build(perturbation: str, level: float, seed: int | None,
           patch_size: int) -> Perturbation | None:
    if level == CLEAN[perturbation]:
        return None
    if perturbation == 'occlusion':
        return RandomPatchOcclusion(level, patch_size, seed)
    return PatchShuffle(level, seed)


@torch.no_grad()
def _evaluate(model: BaseClassifier, loader: DataLoader,
              perturbations: Mapping[Hashable, Perturbation | None]) -> dict[Hashable, float]:
    """Top-1 in per cent on images of the loader, perturbed in each way."""
    _check(loader.dataset[0], perturbations)
    evaluators = {key: Evaluator(Accuracy()) for key in perturbations}
    for batch in track_on_main_process(loader, 'robustness'):
        for key, perturbation in perturbations.items():
            predictions = model.test_step(_perturbed(batch, perturbation))
            # Labels alone: the scores of all images and settings would take gigabytes.
            evaluators[key].process([dict(pred_label=prediction.pred_label,
                                          gt_label=prediction.gt_label)
                                     for prediction in predictions])
    size = len(loader.dataset)
    return {key: evaluator.evaluate(size)['accuracy/top1']
            for key, evaluator in evaluators.items()}


def _check(sample: dict, perturbations: Mapping[Hashable, Perturbation | None]) -> None:
    """Raise ConfigError for what would otherwise show after the first predictions."""
    for field in REMEDIES:
        _check_field(sample['data_samples'], field)
    for perturbation in perturbations.values():
        _perturbed(dict(inputs=[sample['inputs']], data_samples=[sample['data_samples']]),
                   perturbation)


def _check_field(sample: Container, field: str) -> None:
    if field not in sample:
        raise ConfigError(f'test_dataloader: its samples have no {field!r}; {REMEDIES[field]}')


def _perturbed(batch: dict, perturbation: Perturbation | None) -> dict:
    """A batch with other images, packed in the same way."""
    if perturbation is None:
        return batch
    images = [_perturbed_image(image, sample.sample_idx, perturbation)
              for image, sample in zip(batch['inputs'], batch['data_samples'], strict=True)]
    stacked = torch.stack(images) if isinstance(batch['inputs'], Tensor) else images
    return dict(batch, inputs=stacked)


def _perturbed_image(image: Tensor, index: int, perturbation: Perturbation) -> Tensor:
    """``(C, H, W)`` to the same; perturbations see images as a pipeline has them."""
    return torch.from_numpy(perturbation.perturb(image.permute(1, 2, 0).numpy(), index)).permute(
        2, 0, 1)


def _describe(perturbation: str, level: float) -> str:
    if level == CLEAN[perturbation]:
        return 'as they are'
    return (f'{100 * level:g} % of the patches hidden' if perturbation == 'occlusion' else
            f'{level} x {level} cells shuffled')


def _cell(average: float, deviation: float | None) -> str:
    return f'{average:.1f}' + ('' if deviation is None else f' ± {deviation:.1f}')
