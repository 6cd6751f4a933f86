"""Which part of a picture does an answer rest on, and may the map that says so be trusted?"""

from aetia.maps.api import MapResult, explain, map_grids, study_maps, trust_maps
from aetia.maps.names import DEFAULT_MAPS, MAP_NAMES
from aetia.maps.study import MapStudy
from aetia.maps.verdict import Trust, judged

__all__ = [
    "DEFAULT_MAPS",
    "MAP_NAMES",
    "MapResult",
    "MapStudy",
    "Trust",
    "explain",
    "judged",
    "map_grids",
    "study_maps",
    "trust_maps",
]
