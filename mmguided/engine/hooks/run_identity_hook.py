"""Check that a resumed checkpoint belongs to this run."""
from mmengine.config import Config
from mmengine.hooks import Hook

from mmguided.registry import HOOKS
from mmguided.utils.configs import walk
from mmguided.utils.errors import ConfigError
from mmguided.version import __version__

CHECKPOINT_KEY = 'mmguided_run'
#: Fields that may differ on resume because they change no result. The file of a teacher's weights
#: may move because the checkpoint contains their hash.
FREE_FIELDS = ('init_cfg', 'with_cp', 'pretrained', 'checkpoint', 'cache_dir', 'download',
               'non_blocking')


@HOOKS.register_module()
class RunIdentityHook(Hook):
    """Check on resume that the model, its input normalization and the number of images match the
    checkpoint.

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
    cfg = runner.cfg
    return dict(model=_values(cfg, 'model'), data_preprocessor=_values(cfg, 'data_preprocessor'),
                num_images=len(runner.train_dataloader.dataset), version=__version__)


def _values(cfg: Config, field: str) -> dict[str, object]:
    """All values of a field, by dotted name."""
    node = cfg.get(field)  # there is no model if Runner was built from a module
    return {name: value if isinstance(value, (int, float)) else str(value)
            for name, value in walk(node.to_dict() if isinstance(node, dict) else {}, field)
            if not isinstance(value, (dict, list, tuple))
            and not set(name.split('.')) & set(FREE_FIELDS)}


def _compare(saved: dict, current: dict) -> None:
    pairs = [(saved['model'], current['model'], ['model.type'])]
    if saved['version'] == current['version']:
        pairs += [(saved[field], current[field], sorted({*saved[field], *current[field]}))
                  for field in ('model', 'data_preprocessor') if field in saved]
    values = [(name, before.get(name, 'not set'), now.get(name, 'not set'))
              for before, now, names in pairs for name in names]
    values.append(
        ('len(train_dataloader.dataset)', saved['num_images'], current['num_images']))
    for name, before, now in values:
        if before != now:
            raise ConfigError(
                f'{name}={now!r}: the checkpoint belongs to a run with {before!r}. Resume '
                'with the config of that run, or start a new run from its weights with '
                '`--cfg-options load_from=CKPT`.')
