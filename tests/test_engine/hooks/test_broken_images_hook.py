"""BrokenImageReportHook: one warning per epoch with new unreadable images."""
from types import SimpleNamespace

from mmguided.registry import HOOKS


class Dataset(list):
    num_broken = 0


def test_reports_only_growth():
    hook = HOOKS.build(dict(type='mmguided.BrokenImageReportHook'))
    dataset, messages = Dataset(range(9)), []
    runner = SimpleNamespace(train_dataloader=SimpleNamespace(dataset=dataset),
                             logger=SimpleNamespace(warning=messages.append))
    reports = []
    for dataset.num_broken in (0, 2, 2, 3):
        hook.after_train_epoch(runner)
        reports.append(len(messages))
    assert reports == [0, 1, 1, 2]
    assert messages[0].startswith('2 of 9 images') and messages[1].startswith('3 of 9 images')
