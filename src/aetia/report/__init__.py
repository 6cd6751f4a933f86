"""What does a run show, on one page and in pictures?"""

from aetia.report.figures import plot
from aetia.report.inline import inline_svg
from aetia.report.page import report_effects, write_report
from aetia.report.sentences import Sentence, sentences

__all__ = ["Sentence", "inline_svg", "plot", "report_effects", "sentences", "write_report"]
