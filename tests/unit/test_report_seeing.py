"""What a page shows of pictures: every frame with its own parts, and nothing that is no picture."""

from copy import deepcopy

import pytest

from aetia.report.seeing import sight_of

SHOWN = "data:image/jpeg;base64,AAAA"
RECORD = {
    "id": "one",
    "clean": "Did it move?",
    "answer": " yes",
    "foil": " no",
    "clean_pictures": [{"digest": "a", "shown": SHOWN}, {"digest": "b", "shown": SHOWN}],
    "corrupted_pictures": [{"digest": "a", "shown": SHOWN}, {"digest": "c", "shown": SHOWN + "BBBB"}],
    "grids": [[1, 2], [2, 2]],
    "groups": {
        "image": [1, 2, 4, 5, 6, 7],
        "frame1": [1, 2],
        "frame2": [4, 5, 6, 7],
        "ball": [2, 4],
        "background": [1, 5, 6, 7],
        "question": [8],
    },
}


def test_every_frame_has_its_own_cells_and_only_changed_ones_an_edited_picture():
    sight = sight_of(RECORD)
    assert sight is not None
    first, second = sight.frames
    assert (first.edited, second.edited) == ("", SHOWN + "BBBB")
    assert (first.rows, first.columns, second.rows, second.columns) == (1, 2, 2, 2)
    assert first.regions == {"ball": (1,), "background": (0,)}
    assert second.regions == {"ball": (0,), "background": (1, 2, 3)}
    assert (first.outline, second.outline) == ((1,), (0,))
    assert sight_of({**RECORD, "clean_pictures": RECORD["corrupted_pictures"]}) is not None


def test_a_picture_without_named_parts_has_no_outline():
    groups = {"image": [1, 2], "background": [1, 2]}
    whole = {role: RECORD[role][:1] for role in ("clean_pictures", "corrupted_pictures", "grids")}
    sight = sight_of({**RECORD, **whole, "groups": groups})
    assert sight is not None
    assert [frame.outline for frame in sight.frames] == [()]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("clean_pictures", []),
        ("clean_pictures", "data:text/html,no"),
        ("clean_pictures", [{"shown": 'data:text/html,"><script>'}, {"shown": SHOWN}]),
        ("clean_pictures", [{"shown": SHOWN}]),
        ("corrupted_pictures", None),
        ("grids", [[1, 2], [0, 2]]),
        ("grids", [[1, 2], [-2, -2]]),
        ("grids", [[1, 2], [1000, 1000]]),
        ("grids", [[1, 2], "xy"]),
    ],
)
def test_what_is_no_picture_is_not_shown(field, value):
    record = deepcopy(RECORD)
    record[field] = value
    assert sight_of(record) is None


def test_groups_of_another_form_are_left_out():
    for groups in (None, [], {"image": 3}, {"image": [1], "ball": "x"}):
        sight = sight_of({**RECORD, "groups": groups})
        assert sight is not None
        assert not any(frame.outline for frame in sight.frames)
