"""Registries of mmguided, children of MMEngine's root registries.

Any OpenMMLab config can use ``type='mmguided.CCMIM'``, regardless of its ``default_scope``.
"""
from mmengine.registry import DATASETS as ROOT_DATASETS
from mmengine.registry import HOOKS as ROOT_HOOKS
from mmengine.registry import METRICS as ROOT_METRICS
from mmengine.registry import MODELS as ROOT_MODELS
from mmengine.registry import OPTIM_WRAPPER_CONSTRUCTORS as ROOT_OPTIM_WRAPPER_CONSTRUCTORS
from mmengine.registry import OPTIM_WRAPPERS as ROOT_OPTIM_WRAPPERS
from mmengine.registry import PARAM_SCHEDULERS as ROOT_PARAM_SCHEDULERS
from mmengine.registry import STRATEGIES as ROOT_STRATEGIES
from mmengine.registry import TRANSFORMS as ROOT_TRANSFORMS
from mmengine.registry import Registry

SCOPE = 'mmguided'

MODELS = Registry(
    'model', parent=ROOT_MODELS, scope=SCOPE,
    locations=['mmguided.models', 'mmguided.evaluation'])
DATASETS = Registry('dataset', parent=ROOT_DATASETS, scope=SCOPE, locations=['mmguided.datasets'])
TRANSFORMS = Registry(
    'transform', parent=ROOT_TRANSFORMS, scope=SCOPE, locations=['mmguided.datasets.transforms'])
HOOKS = Registry('hook', parent=ROOT_HOOKS, scope=SCOPE, locations=['mmguided.engine.hooks'])
METRICS = Registry('metric', parent=ROOT_METRICS, scope=SCOPE, locations=['mmguided.evaluation'])
OPTIM_WRAPPERS = Registry(
    'optim_wrapper', parent=ROOT_OPTIM_WRAPPERS, scope=SCOPE,
    locations=['mmguided.engine.optimizers'])
OPTIM_WRAPPER_CONSTRUCTORS = Registry(
    'optim_wrapper_constructor', parent=ROOT_OPTIM_WRAPPER_CONSTRUCTORS, scope=SCOPE,
    locations=['mmguided.engine.optimizers'])
PARAM_SCHEDULERS = Registry(
    'parameter scheduler', parent=ROOT_PARAM_SCHEDULERS, scope=SCOPE,
    locations=['mmguided.engine.schedulers'])
STRATEGIES = Registry(
    'strategy', parent=ROOT_STRATEGIES, scope=SCOPE, locations=['mmguided.engine.strategies'])
