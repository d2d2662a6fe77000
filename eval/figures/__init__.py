"""Geometry of the report's figures: from numbers to places in a drawing; the templates only put them there."""

from eval.figures.emphasis import Emphasis, emphasis
from eval.figures.fourier import FrequencyMaps, frequency_maps
from eval.figures.heat_map import HeatMap, HeatScale, corruption_maps, measured_corruptions
from eval.figures.plots import Frame, Panel, reliability_panel, severity_panels

__all__ = [
    "Emphasis",
    "Frame",
    "FrequencyMaps",
    "HeatMap",
    "HeatScale",
    "Panel",
    "corruption_maps",
    "emphasis",
    "frequency_maps",
    "measured_corruptions",
    "reliability_panel",
    "severity_panels",
]
