"""Seeding of dataloader workers."""


def worker_init_fn(worker_id: int) -> None:
    """Keep the RNG seeds that PyTorch has set in a dataloader worker.

    MMEngine's function seeds worker ``i`` of rank ``r`` with ``num_workers * r + i + seed``
    whenever workers start. Workers that restart each epoch then repeat the same augmentations in
    all epochs, and persistent workers repeat those of the first epoch after a resume. PyTorch
    instead seeds ``random``, ``numpy.random`` and ``torch`` from the dataloader's generator, which
    :class:`mmguided.engine.hooks.RNGStateHook` seeds by (seed, iteration, rank). Use both::

        train_dataloader = dict(
            persistent_workers=False,
            worker_init_fn=dict(type='mmguided.datasets.worker_init_fn'), ...)

    Each epoch then has its own augmentations, and a resumed run has the same augmentations as an
    uninterrupted run. They depend on ``num_workers`` and ``batch_size``, which assign images to
    workers. Augmentations of persistent workers and of iteration-based loops are not reproduced on
    resume, because these workers live through the whole run.
    """
