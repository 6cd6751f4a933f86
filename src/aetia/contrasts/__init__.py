"""Which pairs of prompts differ in one cause, and can this model's tokenizer compare them?"""

from aetia.contrasts.align import align, align_one, diagnose_pair
from aetia.contrasts.contrast import AlignedContrast, Alignment, Contrast, Dropped
from aetia.contrasts.files import read_contrasts
from aetia.contrasts.measure import Measured, Measurement, measure
from aetia.contrasts.sets import ContrastSet, contrast_sets, find_set, picture_sets, study_contrasts
from aetia.contrasts.tokens import Tokenizer

__all__ = [
    "AlignedContrast",
    "Alignment",
    "Contrast",
    "ContrastSet",
    "Dropped",
    "Measured",
    "Measurement",
    "Tokenizer",
    "align",
    "align_one",
    "contrast_sets",
    "diagnose_pair",
    "find_set",
    "measure",
    "picture_sets",
    "read_contrasts",
    "study_contrasts",
]
