from .errors import ConfigError, exit_on_config_error
from .versions import check_requirements

__all__ = ['ConfigError', 'check_requirements', 'exit_on_config_error', 'register_all_modules']


def register_all_modules(init_default_scope: bool = True) -> None:
    """Register all parts, for ``mmengine.hub.get_model('mmguided::...')``."""
    import mmguided.datasets
    import mmguided.engine.hooks
    import mmguided.engine.optimizers
    import mmguided.evaluation
    import mmguided.models  # noqa: F401
    if init_default_scope:
        from mmengine.registry import init_default_scope as set_scope
        set_scope('mmpretrain')
