"""What runs beside the model: hooks and optimizers."""
from . import hooks, optimizers  # noqa: F401
