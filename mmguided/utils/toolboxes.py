"""Import the OpenMMLab toolboxes that a config needs."""
import importlib
import io
from contextlib import redirect_stdout, suppress

from mmengine.config import Config
from mmengine.utils import import_modules_from_strings


def import_toolboxes(scope: str) -> None:
    """Import mmpretrain and the toolbox of ``scope``, without messages about optional packages."""
    with redirect_stdout(io.StringIO()):
        for toolbox in ('mmpretrain', scope):
            for part in ('datasets', 'models'):
                with suppress(ModuleNotFoundError):  # mmengine has neither part
                    importlib.import_module(f'{toolbox}.{part}')


def import_parts(cfg: Config) -> None:
    """Import the toolbox of ``cfg`` and its ``custom_imports``."""
    import_toolboxes(cfg.get('default_scope', 'mmengine'))
    if cfg.get('custom_imports'):
        import_modules_from_strings(**cfg.custom_imports)
