from .backbones import *  # noqa: F403
from .data_preprocessor import DataPreprocessor, DecodingPreprocessor  # noqa: F401
from .heads import *  # noqa: F403
from .layers import *  # noqa: F403
from .mask_generators import *  # noqa: F403
from .necks import *  # noqa: F403
from .selfsup import *  # noqa: F403
from .target_generators import *  # noqa: F403
from .teachers import *  # noqa: F403
