"""The network that is an object, as a file for programs without torch and this package: ONNX, or arrays of numpy.

With numpy alone, of a file ``chair.npz`` and points ``[n, 3]`` of the cube [-1, 1]³ (x lateral, y up, z front):

    net = np.load("chair.npz")
    for layer in range(int(net["layers"])):
        points = np.where(points > 0, points, np.expm1(np.minimum(points, 0))) if layer else points
        points = points @ net[f"weight{layer}"] + net[f"bias{layer}"]
    inside = points[:, 0] > 0
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hypernet import __version__
from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path
from hypernet.lab.libraries import library
from hypernet.shapes.core.frames import grid

if TYPE_CHECKING:
    import torch
    from torch import nn

ENDINGS = (".npz", ".onnx")
INPUT, OUTPUT = "points", "logit"
MEANING = "points in the cube [-1, 1]^3 (x lateral, y up, z front) to a logit; inside the object where it is above 0"
# Chosen for what reads it: runtimes of 2022 know both.
OPSET, IR_VERSION = 17, 8
# The file is run on a grid of points before it is kept; logits agree to this share.
CHECK_RESOLUTION, LARGEST_DIFFERENCE = 12, 1e-3


def write_network(path: str | Path, network: nn.Module, about: dict[str, str] | None = None) -> None:
    """Write a network of dense layers with ELU between them, whole or not at all.

    Args:
        path: ``.npz``: ``weight<l>`` float32 ``[in, out]``, ``bias<l>`` ``[out]``, ``layers`` and ``about`` (JSON); or
            ``.onnx``: input ``points`` ``[n, 3]``, output ``logit`` ``[n, 1]``, float32.
        network: ``torch.nn.Linear`` and ``torch.nn.ELU`` in turn, three inputs and one output, such as
            ``FunctionalMLP.export`` gives it.
        about: what is noted in the file beside the meaning of its input and output.

    Raises:
        UserError: another ending, a folder, another kind of network, or onnx is missing (extra ``export``).
    """
    path, layers = network_file(path), _layers(network)
    about = {"meaning": MEANING, "activation": "ELU between the layers, none after the last", **(about or {})}
    if path.suffix == ".npz":
        arrays: dict[str, Any] = {"layers": np.int64(len(layers)), "about": np.array(json.dumps(about))}
        for number, (weight, bias) in enumerate(layers):
            arrays |= {f"weight{number}": weight, f"bias{number}": bias}
        with atomic_path(path) as temporary:
            np.savez(temporary, **arrays)
        return
    from hypernet.shapes.core.decoder import field_of_network

    onnx = library("onnx", "onnx", "export")
    evaluator = library("onnx.reference", "onnx", "export").ReferenceEvaluator
    model = _as_onnx(onnx, layers, about)
    onnx.checker.check_model(model)
    points = grid(CHECK_RESOLUTION, half=1.0).reshape(-1, 3).astype(np.float32)
    expected = field_of_network(network)(points)
    # Its ELU computes exp of positive numbers too, and does not use it.
    with np.errstate(over="ignore"):
        (logits,) = evaluator(model).run([OUTPUT], {INPUT: points})
    difference = np.abs(logits[:, 0] - expected).max() / (1 + np.abs(expected).max())
    if not difference < LARGEST_DIFFERENCE:
        raise AssertionError(f"{path}: onnx gives other values (by {difference:.0%}); nothing was written")
    with atomic_path(path) as temporary:
        temporary.write_bytes(model.SerializeToString())


def network_file(path: str | Path) -> Path:
    """A path that a network can be written to.

    Raises:
        UserError: another ending, a folder, or onnx is missing for a file of it.
    """
    path = Path(path)
    if path.suffix not in ENDINGS:
        raise UserError(f"{path}: the name must end in {' or '.join(ENDINGS)}")
    if path.is_dir():
        raise UserError(f"{path}: this is a folder; name a file")
    if path.suffix == ".onnx":
        library("onnx", "onnx", "export")
    return path


def _layers(network: nn.Module) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weights ``[in, out]`` and biases ``[out]`` of the dense layers."""
    from torch import nn

    modules = list(network.children())
    dense = [module for module in modules[::2] if isinstance(module, nn.Linear)]
    turns = len(dense) == len(modules[::2]) and len(modules) % 2 == 1
    if not turns or not all(isinstance(module, nn.ELU) and module.alpha == 1 for module in modules[1::2]):
        raise UserError("only a network of dense layers with ELU between them can be written")
    if dense[0].in_features != 3 or dense[-1].out_features != 1:
        raise UserError("only a network of three inputs and one output can be written")
    return [(_array(module.weight.T), _bias(module)) for module in dense]


def _bias(module: nn.Linear) -> np.ndarray:
    return np.zeros(module.out_features, dtype=np.float32) if module.bias is None else _array(module.bias)


def _array(tensor: torch.Tensor) -> np.ndarray:
    return np.ascontiguousarray(tensor.detach().cpu().float().numpy())


def _as_onnx(onnx: Any, layers: list[tuple[np.ndarray, np.ndarray]], about: dict[str, str]) -> Any:
    """The layers as an ONNX model for any number of points."""
    helper, numbers = onnx.helper, onnx.numpy_helper
    nodes, stored, value = [], [], INPUT
    for layer, (weight, bias) in enumerate(layers):
        names = f"weight{layer}", f"bias{layer}"
        stored += [numbers.from_array(array, name) for array, name in zip((weight, bias), names, strict=True)]
        last = layer == len(layers) - 1
        dense = OUTPUT if last else f"dense{layer}"
        nodes.append(helper.make_node("Gemm", [value, *names], [dense]))
        if not last:
            value = f"hidden{layer}"
            nodes.append(helper.make_node("Elu", [dense], [value], alpha=1.0))
    single = onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "shape",
        [helper.make_tensor_value_info(INPUT, single, ["n", 3])],
        [helper.make_tensor_value_info(OUTPUT, single, ["n", 1])],
        stored,
        doc_string=MEANING,
    )
    opset = helper.make_opsetid("", OPSET)
    model = helper.make_model(
        graph, opset_imports=[opset], ir_version=IR_VERSION, producer_name="hypernet", producer_version=__version__
    )
    helper.set_model_props(model, about)
    return model
