"""Is a file whole or absent, and is damage seen?"""

import pyarrow as pa
import pytest

from aetia.errors import RunError
from aetia.files import read_table, write_atomic, write_table


def test_no_flipped_byte_of_the_pages_goes_unseen(tmp_path):
    table = pa.table({"item": ["a", "b"] * 20, "value": [float(i**3) for i in range(40)]})
    path = tmp_path / "table.parquet"
    write_table(path, table)
    whole = path.read_bytes()
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")  # Parquet has no checksum of its footer
    unseen = []
    for place in range(footer):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        found = read_table(path)
        if found is not None and not found.equals(table):
            unseen.append(place)
    assert not unseen


def test_a_table_is_the_same_bytes_however_it_was_cut(tmp_path):
    table = pa.table({"x": range(100)})
    write_table(tmp_path / "one", table)
    write_table(tmp_path / "two", pa.concat_tables([table.slice(0, 30), table.slice(30)]))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_file_is_replaced_whole_and_leaves_nothing_beside_it(tmp_path):
    for content in (b"old", b"new and longer"):
        write_atomic(tmp_path / "file", content)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"new and longer"


def test_a_folder_that_is_not_there_is_one_clear_line(tmp_path):
    with pytest.raises(RunError) as caught:
        write_atomic(tmp_path / "absent" / "file", b"x")
    assert caught.value.code == "AE-6012"
