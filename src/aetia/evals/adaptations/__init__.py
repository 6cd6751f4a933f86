"""In which ways can an item be asked?"""

from aetia.evals.adaptations.material import Material, Tool, generated_examples, material_of
from aetia.evals.adaptations.registry import WayOfAsking, adaptation_named, adaptations, way_of_asking

__all__ = [
    "Material",
    "Tool",
    "WayOfAsking",
    "adaptation_named",
    "adaptations",
    "generated_examples",
    "material_of",
    "way_of_asking",
]
