from .errors import ConfigError, exit_on_config_error
from .versions import check_requirements

__all__ = ['ConfigError', 'check_requirements', 'exit_on_config_error']
