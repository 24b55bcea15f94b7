"""Optimizer constructors and wrappers."""
from .cpu_amp import CPUAmpOptimWrapper
from .layer_decay import LayerDecayOptimWrapperConstructor
from .merged_groups import OptimWrapperConstructor

__all__ = [
    'CPUAmpOptimWrapper', 'LayerDecayOptimWrapperConstructor', 'OptimWrapperConstructor'
]
