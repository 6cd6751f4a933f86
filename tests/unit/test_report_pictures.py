"""Parts of a picture in a report lie where they are: a token of the whole picture is no cell of its grid."""

import pytest
from tiny_encoders import random_picture

from aetia.models.pictures import Picture
from aetia.report.seeing import sight_of
from aetia.studies.glimpses import thumbnail


def record_of(picture: Picture, groups: dict[str, list[int]]) -> dict[str, object]:
    shown = {"name": "", "digest": picture.digest, "shown": thumbnail(picture)}
    return {
        "id": "one",
        "clean_pictures": [shown, shown],
        "corrupted_pictures": [shown, shown],
        "grids": [[2, 2], [1, 2]],
        "groups": groups,
    }


@pytest.mark.parametrize("kept", [0, 1])
def test_a_class_token_moves_no_part_of_a_picture(kept):
    first, second = 3, 3 + kept + 4 + 1
    image = [*range(first, first + kept + 4), *range(second, second + kept + 2)]
    whole = [first, second] if kept else []
    object_ = [first + kept + 2, second + kept + 1]
    groups = {"image": image, "object": object_, "last": [20], **({"class": whole} if kept else {})}
    sight = sight_of(record_of(random_picture(1), groups))
    assert sight is not None
    assert [frame.regions for frame in sight.frames] == [{"object": (2,)}, {"object": (1,)}]
