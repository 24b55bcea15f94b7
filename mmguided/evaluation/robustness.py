"""Robustness of a classifier to occlusion and patch shuffling (Conditional MAE, A.5)."""
from collections.abc import Hashable, Mapping, Sequence
from statistics import mean, stdev

import torch
from mmengine.dataset import BaseDataset, pseudo_collate
from mmengine.evaluator import Evaluator
from mmengine.runner import Runner
from mmpretrain.evaluation import Accuracy
from mmpretrain.models import BaseClassifier
from mmpretrain.utils import track_on_main_process
from torch import Tensor
from torch.utils.data import DataLoader

from mmguided.datasets import PatchShuffle, RandomPatchOcclusion
from mmguided.datasets.transforms.perturbations import Perturbation
from mmguided.utils.tables import markdown_table

from .features import check_sample

#: Levels that do not change images.
CLEAN = dict(occlusion=0, shuffle=1)


def robustness_curves(model: BaseClassifier, dataloader: DataLoader | dict,
                      occlusion: Sequence[float] = (0, .1, .25, .5, .75, .9),
                      shuffle: Sequence[int] = (1, 2, 4, 8), seeds: Sequence[int] = (0, ),
                      patch_size: int = 16, done: Sequence[dict] = ()) -> list[dict]:
    """Top-1 accuracy of a classifier at each level of two perturbations.

    Each image is loaded once. In a distributed run each process evaluates its share of the images,
    and all processes return the same rows.

    Args:
        model: Classifier in eval mode, on its device.
        dataloader: Dataloader of labeled images of equal size, or its config, such as
            ``cfg.test_dataloader``.
        occlusion: Ratios of :class:`mmguided.datasets.RandomPatchOcclusion`.
        shuffle: Grids of :class:`mmguided.datasets.PatchShuffle`.
        seeds: Seeds of both perturbations.
        patch_size: Side of the occluded patches in pixels.
        done: Rows of an earlier call, which are not recomputed.

    Returns:
        The rows of ``done``, followed by a dict for each new level and seed: ``perturbation``
        ('occlusion' or 'shuffle'), ``level`` (ratio or grid), ``seed`` and ``top1`` in percent.
        Ratio 0 and grid 1 are the unperturbed images; their seed is None.

    Raises:
        ConfigError: If a ratio, grid, size or seed is invalid or does not fit the images, or the
            images have no labels.
    """
    settings = dict.fromkeys(
        (perturbation, level, seed)
        for perturbation, levels in (('occlusion', occlusion), ('shuffle', shuffle))
        for level in levels
        for seed in ((None, ) if level == CLEAN[perturbation] else seeds))
    known = {(row['perturbation'], row['level'], row['seed']): row['top1'] for row in done}
    accuracies = {_key(*setting): top1 for setting, top1 in known.items()}
    perturbations = {_key(*setting): _build(*setting, patch_size) for setting in settings
                     if _key(*setting) not in accuracies}
    if perturbations:
        accuracies |= _evaluate(model, Runner.build_dataloader(dataloader), perturbations)
    return [*done, *(
        dict(zip(('perturbation', 'level', 'seed'), setting, strict=True),
             top1=accuracies[_key(*setting)]) for setting in settings if setting not in known)]


def chance_level(dataset: BaseDataset) -> float:
    """Accuracy in percent of always predicting the most frequent class: 100 / C for C classes of
    equal size.

    Raises:
        ConfigError: If the images have no labels.
    """
    check_sample('test_dataloader.dataset', dataset.get_data_info(0), 'gt_label')
    labels = [dataset.get_data_info(i)['gt_label'] for i in range(len(dataset))]
    return 100 * torch.tensor(labels).bincount().max().item() / len(labels)


def summarize_levels(rows: Sequence[dict]) -> dict[tuple[str, float], tuple[float, float | None]]:
    """Mean and sample standard deviation (None for one seed) of ``top1`` over seeds, from rows of
    :func:`robustness_curves`, for each perturbation and increasing level."""
    values = {}
    for row in sorted(rows, key=lambda row: (row['perturbation'], row['level'])):
        values.setdefault((row['perturbation'], row['level']), []).append(row['top1'])
    return {setting: (mean(found), stdev(found) if len(found) > 1 else None)
            for setting, found in values.items()}


def robustness_table(results: Mapping[str, Sequence[dict]]) -> str:
    """Markdown table of top-1 accuracies, mean ± standard deviation over seeds: a row for each
    setting and a column for each classifier, from classifier name -> rows of
    :func:`robustness_curves`."""
    summaries = [summarize_levels(rows) for rows in results.values()]
    # Unperturbed images of both perturbations share a row.
    columns = [{_describe(*setting): f'{average:.1f}' + (
        '' if deviation is None else f' ± {deviation:.1f}')
        for setting, (average, deviation) in summary.items()} for summary in summaries]
    names = dict.fromkeys(_describe(*setting) for setting in sorted(set().union(*summaries)))
    return markdown_table(['images', *results], (
        [name, *(column.get(name, '-') for column in columns)] for name in names))


def _key(perturbation: str, level: float, seed: int | None) -> Hashable:
    """Cache key of the accuracy; None for unperturbed images."""
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
    """Top-1 accuracy in percent for each perturbation."""
    sample = loader.dataset[0]
    check_sample('test_dataloader.dataset', sample['data_samples'], 'gt_label', 'sample_idx')
    for perturbation in perturbations.values():  # raise errors before the first prediction
        _perturbed(pseudo_collate([sample]), perturbation)
    evaluators = {key: Evaluator(Accuracy()) for key in perturbations}
    for batch in track_on_main_process(loader, 'robustness'):
        for key, perturbation in perturbations.items():
            predictions = model.test_step(_perturbed(batch, perturbation))
            # Only labels, because the scores of all images and settings would take gigabytes.
            evaluators[key].process([dict(pred_label=prediction.pred_label,
                                          gt_label=prediction.gt_label)
                                     for prediction in predictions])
    size = len(loader.dataset)
    return {key: evaluator.evaluate(size)['accuracy/top1']
            for key, evaluator in evaluators.items()}


def _perturbed(batch: dict, perturbation: Perturbation | None) -> dict:
    """Perturb the images of a batch."""
    if perturbation is None:
        return batch
    # Perturbations take arrays (H, W, C).
    images = [
        torch.from_numpy(perturbation.perturb(
            image.permute(1, 2, 0).numpy(), sample.sample_idx)).permute(2, 0, 1)
        for image, sample in zip(batch['inputs'], batch['data_samples'], strict=True)]
    stacked = torch.stack(images) if isinstance(batch['inputs'], Tensor) else images
    return dict(batch, inputs=stacked)


def _describe(perturbation: str, level: float) -> str:
    if level == CLEAN[perturbation]:
        return 'clean'
    return (f'{100 * level:g} % of the patches occluded' if perturbation == 'occlusion' else
            f'{level} x {level} cells shuffled')
