"""No silent resume of another run."""
from mmengine.hooks import Hook

from mmguided.registry import HOOKS
from mmguided.utils.configs import walk
from mmguided.utils.errors import ConfigError
from mmguided.version import __version__

CHECKPOINT_KEY = 'mmguided_run'
#: Fields of a model that may change between two parts of a run. Of a teacher's weights the
#: checkpoint holds the hash, wherever their file is.
FREE_FIELDS = ('init_cfg', 'with_cp', 'pretrained', 'checkpoint', 'cache_dir', 'download')


@HOOKS.register_module()
class RunIdentityHook(Hook):
    """Notes in every checkpoint which model was trained on how many images, and stops a run that
    is resumed from a checkpoint of another model or another number of images.

    A checkpoint of another version of mmguided, whose fields may have other names, is compared by
    the model's type alone; one without this note, not at all.

    Raises:
        ConfigError: On resuming, naming what differs.
    """

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Adds the note to ``checkpoint['meta']``."""
        checkpoint['meta'][CHECKPOINT_KEY] = _identity(runner)

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Compares, if the run is resumed."""
        saved = checkpoint.get('meta', {}).get(CHECKPOINT_KEY)
        if saved and runner.cfg.get('resume'):
            _compare(saved, _identity(runner))


def _identity(runner) -> dict:
    cfg = runner.cfg.get('model')  # a Runner that was given a module has none
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
        ('images of train_dataloader.dataset', saved['num_images'], current['num_images']))
    for name, before, now in pairs:
        if before != now:
            raise ConfigError(
                f'the checkpoint to resume is of another run: {name} was {before!r} and is now '
                f'{now!r}; resume with the config that made it, or begin a new run from its '
                'weights with `--cfg-options load_from=CKPT`')
