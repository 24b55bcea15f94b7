"""Seeding of dataloader workers."""


def worker_init_fn(worker_id: int) -> None:
    """Leaves a dataloader worker with the seeds that PyTorch has just given it.

    MMEngine's own function seeds worker ``i`` of rank ``r`` with ``num_workers * r + i + seed``
    whenever workers start. Workers that start anew each epoch then repeat the same augmentations
    in all epochs, and persistent ones restart at the first epoch's when a run is resumed. PyTorch
    seeds ``random``, ``numpy.random`` and ``torch`` from the dataloader's generator instead, and
    :class:`mmguided.engine.hooks.RNGStateHook` seeds that one by (seed, iteration, rank). Use
    both::

        train_dataloader = dict(
            persistent_workers=False,
            worker_init_fn=dict(type='mmguided.datasets.worker_init_fn'), ...)

    Each epoch then has its own augmentations, the same in a resumed run as in an uninterrupted one.
    They depend on ``num_workers`` and ``batch_size``, which say what image goes to what worker. Not
    reproduced on resume: augmentations of persistent workers, and of workers in iteration-based
    loops, which live through the whole run.
    """
