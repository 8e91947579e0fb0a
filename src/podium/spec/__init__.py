"""What to run: Config, Variant, Sweep, Experiment."""

from podium.spec.config import (
    CONFIGS,
    CNNConfig,
    Config,
    LinesConfig,
    SequenceConfig,
    Value,
    VisionToSequenceConfig,
    ViTConfig,
    config_from,
    field_types,
    parse_setting,
)
from podium.spec.errors import PodiumError, unknown
from podium.spec.experiment import (
    Cohorts,
    Experiment,
    Profile,
    Pulled,
    Sweep,
    Variant,
    experiment_names,
    load_experiment,
    load_question,
)
from podium.spec.own import OwnConfig, is_own, own_config
from podium.spec.project import DECK_TEMPLATE, REPORT_TEMPLATE, Project, deck_names, find_project, report_names

__all__ = [
    "CONFIGS",
    "DECK_TEMPLATE",
    "REPORT_TEMPLATE",
    "CNNConfig",
    "Cohorts",
    "Config",
    "Experiment",
    "LinesConfig",
    "OwnConfig",
    "PodiumError",
    "Profile",
    "Project",
    "Pulled",
    "SequenceConfig",
    "Sweep",
    "Value",
    "Variant",
    "ViTConfig",
    "VisionToSequenceConfig",
    "config_from",
    "deck_names",
    "experiment_names",
    "field_types",
    "find_project",
    "is_own",
    "load_experiment",
    "load_question",
    "own_config",
    "parse_setting",
    "report_names",
    "unknown",
]
