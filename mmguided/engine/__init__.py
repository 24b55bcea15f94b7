"""What runs beside the model: hooks, optimizers, and what the tools share."""
