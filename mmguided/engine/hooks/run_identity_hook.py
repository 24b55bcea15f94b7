"""Check that a resumed checkpoint belongs to this run."""
from mmengine.hooks import Hook

from mmguided.registry import HOOKS
from mmguided.utils.configs import walk
from mmguided.utils.errors import ConfigError
from mmguided.version import __version__

CHECKPOINT_KEY = 'mmguided_run'
#: Fields of the model that may differ on resume. The file of a teacher's weights may move because
#: the checkpoint contains their hash.
FREE_FIELDS = ('init_cfg', 'with_cp', 'pretrained', 'checkpoint', 'cache_dir', 'download')


@HOOKS.register_module()
class RunIdentityHook(Hook):
    """Check on resume that the model and the number of images match the checkpoint.

    The identity of a run is saved in ``checkpoint['meta']``. For checkpoints of other versions of
    mmguided, only the type of the model is compared, because fields may have other names.
    Checkpoints without an identity are not checked.

    Raises:
        ConfigError: On resume, if a field differs.
    """

    # Not a StatefulHook: it must compare before Runner loads the weights and the optimizer.

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        checkpoint['meta'][CHECKPOINT_KEY] = _identity(runner)

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        saved = checkpoint.get('meta', {}).get(CHECKPOINT_KEY)
        if saved and runner.cfg.get('resume'):
            _compare(saved, _identity(runner))


def _identity(runner) -> dict:
    cfg = runner.cfg.get('model')  # missing if Runner was built from a module
    model = {name: value if isinstance(value, (int, float)) else str(value)
             for name, value in walk(cfg.to_dict() if isinstance(cfg, dict) else {}, 'model')
             if not isinstance(value, (dict, list, tuple))
             and not set(name.split('.')) & set(FREE_FIELDS)}
    return dict(model=model, num_images=len(runner.train_dataloader.dataset), version=__version__)


def _compare(saved: dict, current: dict) -> None:
    fields = ['model.type']
    if saved['version'] == current['version']:
        fields += sorted(saved['model'].keys() | current['model'].keys())
    pairs = [(name, saved['model'].get(name, 'not set'), current['model'].get(name, 'not set'))
             for name in fields]
    pairs.append(
        ('len(train_dataloader.dataset)', saved['num_images'], current['num_images']))
    for name, before, now in pairs:
        if before != now:
            raise ConfigError(
                f'{name}={now!r}: the checkpoint belongs to a run with {before!r}. Resume '
                'with the config of that run, or start a new run from its weights with '
                '`--cfg-options load_from=CKPT`.')
