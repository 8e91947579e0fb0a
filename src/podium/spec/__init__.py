"""What to run: Config, Variant, Sweep, Experiment."""

from podium.spec.config import (
    CONFIGS,
    CNNConfig,
    Config,
    Value,
    VisionToSequenceConfig,
    ViTConfig,
    config_from,
    field_types,
    parse_setting,
)
from podium.spec.errors import PodiumError, unknown
from podium.spec.experiment import (
    Experiment,
    Profile,
    Pulled,
    Sweep,
    Variant,
    experiment_names,
    load_experiment,
    load_question,
)
from podium.spec.project import DECK_TEMPLATE, REPORT_TEMPLATE, Project, deck_names, find_project, report_names

__all__ = [
    "CONFIGS",
    "DECK_TEMPLATE",
    "REPORT_TEMPLATE",
    "CNNConfig",
    "Config",
    "Experiment",
    "PodiumError",
    "Profile",
    "Project",
    "Pulled",
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
    "load_experiment",
    "load_question",
    "parse_setting",
    "report_names",
    "unknown",
]
