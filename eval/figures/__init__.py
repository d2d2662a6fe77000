"""Geometry of the report's figures: from numbers to places in a drawing; the templates only put them there."""

from eval.figures.heat_map import HeatMap, HeatScale, corruption_maps
from eval.figures.plots import Frame, Panel, reliability_panel, severity_panels

__all__ = ["Frame", "HeatMap", "HeatScale", "Panel", "corruption_maps", "reliability_panel", "severity_panels"]
