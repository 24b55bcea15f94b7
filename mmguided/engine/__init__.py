"""What runs beside the model: hooks."""
from . import hooks  # noqa: F401
