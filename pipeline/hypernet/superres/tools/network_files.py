"""The network that is an image, as a file for programs without torch and this package: JSON, arrays of numpy, or ONNX.

With numpy alone, of a file ``digit.json``, the picture of 512 x 512 pixels:

    net = json.load(open("digit.json"))
    centres = 2 * (np.arange(512) + 0.5) / 512 - 1
    points = np.stack(np.meshgrid(centres, centres, indexing="ij"), axis=-1).reshape(-1, 2)
    angles = (points[:, :, None] * net["omega"]).reshape(len(points), -1)
    values = np.hstack([points, np.sin(angles), np.cos(angles)])
    for layer in range(len(net["widths"]) - 1):
        values = np.maximum(values, 0) if layer else values
        values = values @ np.array(net[f"weight{layer}"]) + net[f"bias{layer}"]
    picture = np.clip(values, 0, 1).reshape(512, 512)

A file ``digit.npz`` has the same names in it: then the first line is ``net = np.load("digit.npz")``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hypernet import __version__
from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path, output_file, write_text
from hypernet.lab.libraries import library

if TYPE_CHECKING:
    import torch
    from torch import nn

ENDINGS = (".json", ".npz", ".onnx")
INPUT, OUTPUT = "points", "level"
# What the numbers mean, for who has the file alone.
MEANING = {
    "is": "an image: a network that gives the grey level at any point of it",
    "points": "(y, x), y down and x to the right, both from -1 to 1; of n pixels along an axis, the centre of pixel i "
    "is at 2 (i + 0.5) / n - 1",
    "features": "y, x, then sin(w y) for every w of omega, sin(w x) likewise, cos(w y), cos(w x)",
    "layers": "widths are the numbers of values before and after each; values @ weight + bias, and between two layers "
    "max(values, 0)",
    "level": "0 is black, 1 is white; what lies outside is set to 0 or 1",
}
# Chosen for what reads it: runtimes of 2022 know both.
OPSET, IR_VERSION = 17, 8
# The file is run on a grid of points before it is kept; levels agree to this.
CHECK_SIZE, LARGEST_DIFFERENCE = 12, 1e-4


def write_network(
    path: str | Path, network: nn.Module, about: Mapping[str, str] | None = None, inverted: bool = False
) -> None:
    """Write the network of an image, whole or not at all.

    Args:
        path: ``.json`` or ``.npz``: ``omega`` ``[K]``, ``widths``, ``weight<l>`` ``[in, out]``, ``bias<l>`` ``[out]``
            (float32; in JSON the fewest digits that say it), and what they mean; or ``.onnx``: input ``points``
            ``[n, 2]``, output ``level`` ``[n, 1]`` in [0, 1], float32.
        network: Fourier features, then ``torch.nn.Linear`` and ``torch.nn.ReLU`` in turn, one output: what
            ``Enlarger.network_of`` gives.
        about: what is noted in the file beside the meaning of its numbers.
        inverted: whether the file is to be the image's negative, 1 - level.

    Raises:
        UserError: another ending, a folder, another network, or onnx is missing (extra ``export``).
    """
    path, (omega, layers) = network_file(path), _parts(network)
    if inverted:
        weight, bias = layers[-1]
        layers[-1] = (-weight, 1 - bias)
    about = {**MEANING, **(about or {})}
    widths = [len(layers[0][0]), *(len(bias) for _, bias in layers)]
    arrays = {"omega": omega}
    for number, (weight, bias) in enumerate(layers):
        arrays |= {f"weight{number}": weight, f"bias{number}": bias}
    if path.suffix == ".npz":
        stored: dict[str, Any] = {**arrays, "widths": np.array(widths), "about": np.array(json.dumps(about))}
        with atomic_path(path) as temporary:
            np.savez(temporary, **stored)
    elif path.suffix == ".json":
        content = {"about": about, "widths": widths, **{name: _digits(array) for name, array in arrays.items()}}
        lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in content.items())
        write_text(path, f"{{\n{lines}\n}}\n")
    else:
        _write_onnx(path, network, omega, layers, about, inverted)


def network_file(path: str | Path) -> Path:
    """A path that a network can be written to.

    Raises:
        UserError: another ending, a folder, or onnx is missing for a file of it.
    """
    path = output_file(path, *ENDINGS)
    if path.suffix == ".onnx":
        library("onnx", "onnx", "export")
    return path


def _parts(network: nn.Module) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
    """ω ``[K]``, and weights ``[in, out]`` and biases ``[out]`` of the dense layers, float32."""
    from torch import nn

    from hypernet.superres.core.features import FourierFeatures

    features, *modules = network.children()
    dense = [module for module in modules[::2] if isinstance(module, nn.Linear)]
    turns = len(modules) % 2 == 1 and len(dense) == len(modules[::2])
    if not turns or not all(isinstance(module, nn.ReLU) for module in modules[1::2]):
        raise UserError("only a network of dense layers with ReLU between them can be written")
    if (
        not isinstance(features, FourierFeatures)
        or dense[0].in_features != features.size
        or dense[-1].out_features != 1
    ):
        raise UserError("only a network of Fourier features and one output can be written")
    return np.array(features.omega, dtype=np.float32), [(_array(layer.weight.T), _array(layer.bias)) for layer in dense]


def _array(tensor: torch.Tensor) -> np.ndarray:
    return np.ascontiguousarray(tensor.detach().cpu().float().numpy())


def _digits(array: np.ndarray) -> list[Any]:
    """Numbers that have the fewest digits by which float32 is the same again."""
    if array.ndim > 1:
        return [_digits(row) for row in array]
    # Not by `str`: what it prints depends on options that other libraries set for the whole process.
    return [float(np.format_float_scientific(number)) for number in array]


def _write_onnx(
    path: Path,
    network: nn.Module,
    omega: np.ndarray,
    layers: list[tuple[np.ndarray, np.ndarray]],
    about: dict[str, str],
    inverted: bool,
) -> None:
    import torch

    from hypernet.superres.core.grids import as_points, axes

    onnx = library("onnx", "onnx", "export")
    evaluator = library("onnx.reference", "onnx", "export").ReferenceEvaluator
    model = _as_onnx(onnx, omega, layers, about)
    onnx.checker.check_model(model)
    points = as_points(*axes(CHECK_SIZE, CHECK_SIZE))
    with torch.inference_mode():
        expected = network(points).clamp(0, 1).numpy()
    (levels,) = evaluator(model).run([OUTPUT], {INPUT: points.numpy()})
    difference = np.abs(levels - (1 - expected if inverted else expected)).max()
    if not difference < LARGEST_DIFFERENCE:
        raise AssertionError(f"{path}: onnx gives other levels (by {difference:.2g}); nothing was written")
    with atomic_path(path) as temporary:
        temporary.write_bytes(model.SerializeToString())


def _as_onnx(onnx: Any, omega: np.ndarray, layers: list[tuple[np.ndarray, np.ndarray]], about: dict[str, str]) -> Any:
    """Features and layers as an ONNX model for any number of points."""
    node, numbers, single = onnx.helper.make_node, onnx.numpy_helper, onnx.TensorProto.FLOAT
    arrays = {
        "omega": omega,
        "last": np.array([2], dtype=np.int64),
        "angles_shape": np.array([-1, 2 * len(omega)], dtype=np.int64),
        "black": np.float32(0),
        "white": np.float32(1),
    }
    nodes = [
        node("Unsqueeze", [INPUT, "last"], ["coordinates"]),
        node("Mul", ["coordinates", "omega"], ["products"]),
        node("Reshape", ["products", "angles_shape"], ["angles"]),
        node("Sin", ["angles"], ["sines"]),
        node("Cos", ["angles"], ["cosines"]),
        node("Concat", [INPUT, "sines", "cosines"], ["features"], axis=1),
    ]
    value = "features"
    for number, (weight, bias) in enumerate(layers):
        names = f"weight{number}", f"bias{number}"
        arrays |= dict(zip(names, (weight, bias), strict=True))
        if number:
            nodes.append(node("Relu", [value], [f"hidden{number}"]))
            value = f"hidden{number}"
        nodes.append(node("Gemm", [value, *names], [f"dense{number}"]))
        value = f"dense{number}"
    nodes.append(node("Clip", [value, "black", "white"], [OUTPUT]))
    graph = onnx.helper.make_graph(
        nodes,
        "image",
        [onnx.helper.make_tensor_value_info(INPUT, single, ["n", 2])],
        [onnx.helper.make_tensor_value_info(OUTPUT, single, ["n", 1])],
        [numbers.from_array(np.asarray(array), name) for name, array in arrays.items()],
        doc_string=f"{MEANING['is']}; {INPUT}: {MEANING['points']}; {OUTPUT}: {MEANING['level']}",
    )
    model = onnx.helper.make_model(
        graph,
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="hypernet",
        producer_version=__version__,
    )
    onnx.helper.set_model_props(model, about)
    return model
