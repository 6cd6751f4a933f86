"""What a method needs of the items and the model, asked before anything is computed."""

from typing import TYPE_CHECKING

from aetia.errors import StudyError
from aetia.models.sites import HEAD_COMPONENTS, Site
from aetia.tracing.paths import check_receivers, sender_sites
from aetia.tracing.places import explicit
from aetia.tracing.study import TraceStudy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aetia.contrasts import AlignedContrast
    from aetia.models.network import Network

__all__ = ["check_items"]


def check_items(study: TraceStudy, network: "Network", items: "Sequence[AlignedContrast]") -> None:
    """Raises unless the study's method can do with these items and this model.

    Raises:
        StudyError: AE-1231 no span to make noisy; AE-1232, AE-1233 items that cannot stand in for each other; AE-1234
            single positions of items that differ in length.
        SiteError: A sender or receiver that the model or an item lacks.
    """
    lengths = {item.length for item in items}
    if len(lengths) > 1 and _is_by_position(study):
        raise StudyError(
            "AE-1234",
            f"The items have {len(lengths)} different lengths, so that position 5 of one is not position 5 of another.",
            mend="use --positions spans, joint or last, or contrasts of one length.",
        )
    if study.method == "noise":
        for item in items:
            if study.noise_span not in item.named_positions:
                raise StudyError(
                    "AE-1231",
                    f"The item {item.id} has no span {study.noise_span!r} to make noisy.",
                    details=(f"its spans: {', '.join(item.named_positions) or 'none'}",),
                    mend="name the span in the contrasts, or set noise_span to one of its spans.",
                )
    if study.method in ("mean", "resample") and len(lengths) > 1:
        raise StudyError(
            "AE-1233",
            f"{study.method} ablation pairs positions of different items, and these differ in length.",
            mend="use items of one length.",
        )
    if study.method == "resample" and len(items) < 2:
        raise StudyError("AE-1232", "Resample ablation needs another item.", mend="give at least two items.")
    if study.method == "path":
        receivers = [Site.parse(text) for text in study.receivers]
        for site in [*sender_sites(network, study.senders), *receivers]:
            network.check_site(site)
            for item in items:
                explicit(site, item.length, item.named_positions)
        check_receivers(receivers)


def _is_by_position(study: TraceStudy) -> bool:
    if study.method == "knockout":
        return study.positions != "spans"
    is_single = study.positions == "auto" and any(name not in HEAD_COMPONENTS for name in study.sites)
    return study.method != "path" and (is_single or study.positions == "each")
