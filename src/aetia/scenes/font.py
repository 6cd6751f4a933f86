"""How are letters written in few pixels? Each is 5 wide and 7 high."""

from functools import cache

import numpy as np

from aetia.errors import StudyError

__all__ = ["written"]

# Seven rows of a letter from the top, each a number of five bits whose highest is the left column.
_ROWS = {
    "0": "0e11131519110e", "1": "040c040404040e", "2": "0e11010204081f", "3": "1f02040201110e", "4": "02060a121f0202",
    "5": "1f101e0101110e", "6": "0608101e11110e", "7": "1f010204080808", "8": "0e11110e11110e", "9": "0e11110f01020c",
    "A": "0e11111f111111", "B": "1e11111e11111e", "C": "0e11101010110e", "D": "1c12111111121c", "E": "1f10101e10101f",
    "F": "1f10101e101010", "G": "0e11101711110f", "H": "1111111f111111", "I": "0e04040404040e", "J": "0702020202120c",
    "K": "11121418141211", "L": "1010101010101f", "M": "111b1515111111", "N": "11191513111111", "O": "0e11111111110e",
    "P": "1e11111e101010", "Q": "0e11111115120d", "R": "1e11111e141211", "S": "0f10100e01011e", "T": "1f040404040404",
    "U": "1111111111110e", "V": "11111111110a04", "W": "1111111515150a", "X": "11110a040a1111", "Y": "1111110a040404",
    "Z": "1f01020408101f",
}  # fmt: skip


@cache
def written(text: str, cell: int) -> np.ndarray:
    """A text as bool [height, width] with an empty edge of one, at most half as high as a cell.

    Args:
        text: Letters, taken as capitals, and digits.
        cell: Pixels of a cell's side.

    Raises:
        StudyError: AE-9103 it does not fit.
    """
    width = 6 * len(text) + 1
    scale = min(max(1, cell // 18), cell // width)
    if scale < 1:
        raise StudyError(
            "AE-9103",
            f"The label {text!r} needs {width} x 9 pixels, and a cell has {cell} x {cell}.",
            mend="shorten the label, or draw larger scenes",
        )
    rows = np.zeros((9, width), bool)
    for place, letter in enumerate(text.upper()):
        for row, bits in enumerate(bytes.fromhex(_ROWS[letter]), 1):
            rows[row, 6 * place + 1 : 6 * place + 6] = [bool(bits >> (4 - column) & 1) for column in range(5)]
    return np.kron(rows, np.ones((scale, scale), bool))
