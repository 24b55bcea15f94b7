"""Training hooks."""
from .broken_images_hook import BrokenImageReportHook
from .checkpoint_hook import SafeCheckpointHook
from .clock_hook import ClockHook
from .compile_hook import CompileHook
from .exploitation_hook import ExploitationHook
from .figure_sheet_hook import FigureSheetHook
from .finite_hook import FiniteHook
from .input_size_hook import InputSizeHook
from .interruption_hook import InterruptionHook
from .momentum_update_hook import MomentumUpdateHook
from .online_evaluation_hook import OnlineEvaluationHook
from .online_linear_probe_hook import OnlineLinearProbeHook
from .optimizer_state_hook import OptimizerStateHook
from .plain_checkpoint_hook import PlainCheckpointHook
from .progress_bar_hook import ProgressBarHook
from .rng_state_hook import RNGStateHook
from .run_identity_hook import RunIdentityHook
from .runtime_info_hook import RuntimeInfoHook
from .schedule_hook import ScheduleHook
from .score_maps_hook import ScoreMapsHook
from .stateful_hook import StatefulHook
from .strict_backbone_hook import StrictBackboneHook

__all__ = [
    'BrokenImageReportHook', 'ClockHook', 'CompileHook', 'ExploitationHook', 'FigureSheetHook',
    'FiniteHook', 'InputSizeHook', 'InterruptionHook', 'MomentumUpdateHook', 'OnlineEvaluationHook',
    'OnlineLinearProbeHook', 'OptimizerStateHook', 'PlainCheckpointHook', 'ProgressBarHook',
    'RNGStateHook', 'RunIdentityHook', 'RuntimeInfoHook', 'SafeCheckpointHook', 'ScheduleHook',
    'ScoreMapsHook', 'StatefulHook', 'StrictBackboneHook'
]
