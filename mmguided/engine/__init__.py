"""What runs beside the model: hooks and optimisers."""
from . import hooks, optimizers  # noqa: F401
