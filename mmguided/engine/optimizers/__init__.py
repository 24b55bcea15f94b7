"""Optimizer constructors."""
from .layer_decay import LayerDecayOptimWrapperConstructor
from .merged_groups import OptimWrapperConstructor

__all__ = ['LayerDecayOptimWrapperConstructor', 'OptimWrapperConstructor']
