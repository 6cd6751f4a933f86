"""Rendered scenes whose every fact is known: what is where, which pixels show it, what caused what.

A scene is drawn from a seed, and is a table of things before it is a picture; questions, captions, masks and edits are
read off the table. Needs numpy, and pillow where pictures are written.
"""

from aetia.scenes.asking import caption, is_related, questions, relation_question
from aetia.scenes.clips import Clip, Motion, Siamese, clip, siamese
from aetia.scenes.drawing import draw
from aetia.scenes.editing import CHANGES, Edit, changed, draw_edit, edit
from aetia.scenes.folder import Item, Recipe, Written, items, read_scenes, write_scenes
from aetia.scenes.looks import named_alone
from aetia.scenes.question import KINDS, Question
from aetia.scenes.rendering import footprints, masks, render
from aetia.scenes.scene import Prior, Scene, Settings, Thing
from aetia.scenes.words import COLOURS, NUMBERS, PAINTS, RELATIONS, SHAPES, SIZES, TEXTURES

__all__ = [
    "CHANGES",
    "COLOURS",
    "KINDS",
    "NUMBERS",
    "PAINTS",
    "RELATIONS",
    "SHAPES",
    "SIZES",
    "TEXTURES",
    "Clip",
    "Edit",
    "Item",
    "Motion",
    "Prior",
    "Question",
    "Recipe",
    "Scene",
    "Settings",
    "Siamese",
    "Thing",
    "Written",
    "caption",
    "changed",
    "clip",
    "draw",
    "draw_edit",
    "edit",
    "footprints",
    "is_related",
    "items",
    "masks",
    "named_alone",
    "questions",
    "read_scenes",
    "relation_question",
    "render",
    "siamese",
    "write_scenes",
]
