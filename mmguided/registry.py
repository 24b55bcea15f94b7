"""Registries of mmguided: children of MMEngine's roots, so that any OpenMMLab config can name
our parts as ``type='mmguided.CCMIM'`` whatever its own ``default_scope`` is."""
from mmengine.registry import DATASETS as ROOT_DATASETS
from mmengine.registry import HOOKS as ROOT_HOOKS
from mmengine.registry import METRICS as ROOT_METRICS
from mmengine.registry import MODELS as ROOT_MODELS
from mmengine.registry import OPTIM_WRAPPER_CONSTRUCTORS as ROOT_OPTIM_WRAPPER_CONSTRUCTORS
from mmengine.registry import TRANSFORMS as ROOT_TRANSFORMS
from mmengine.registry import Registry

SCOPE = 'mmguided'

MODELS = Registry(
    'model', parent=ROOT_MODELS, scope=SCOPE,
    locations=['mmguided.models', 'mmguided.evaluation'])  # the latter has frozen evaluations
DATASETS = Registry('dataset', parent=ROOT_DATASETS, scope=SCOPE, locations=['mmguided.datasets'])
TRANSFORMS = Registry(
    'transform', parent=ROOT_TRANSFORMS, scope=SCOPE, locations=['mmguided.datasets.transforms'])
HOOKS = Registry('hook', parent=ROOT_HOOKS, scope=SCOPE, locations=['mmguided.engine.hooks'])
METRICS = Registry('metric', parent=ROOT_METRICS, scope=SCOPE, locations=['mmguided.evaluation'])
OPTIM_WRAPPER_CONSTRUCTORS = Registry(
    'optim_wrapper_constructor',
    parent=ROOT_OPTIM_WRAPPER_CONSTRUCTORS,
    scope=SCOPE,
    locations=['mmguided.engine.optimizers'])
