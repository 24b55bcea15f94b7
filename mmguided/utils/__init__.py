from .errors import ConfigError, exit_on_config_error
from .versions import check_requirements

__all__ = ['ConfigError', 'check_requirements', 'exit_on_config_error', 'register_all_modules']


def register_all_modules(init_default_scope: bool = True) -> None:
    """Register all modules, as ``mmengine.hub.get_model('mmguided::...')`` requires."""
    # Imported late because check_requirements must run without MMEngine.
    from mmengine.registry import Registry
    from mmengine.registry import init_default_scope as set_scope

    from mmguided import registry
    for value in vars(registry).values():
        if isinstance(value, Registry) and value.scope == registry.SCOPE:
            value.import_from_location()
    if init_default_scope:
        set_scope('mmpretrain')
