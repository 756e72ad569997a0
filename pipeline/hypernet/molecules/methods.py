"""Method ids, their names for people, and what is fitted or built for them."""

from __future__ import annotations

from hypernet.lab.runs.models import count_parameters, without_weights
from hypernet.molecules.baselines.composition import Composition, fit_composition
from hypernet.molecules.baselines.coulomb import Coulomb, fit_coulomb
from hypernet.molecules.baselines.fingerprints import Fingerprints, fit_fingerprints
from hypernet.molecules.baselines.nmp_edge import nmp_edge, nmp_wide
from hypernet.molecules.baselines.schnet import SchNet
from hypernet.molecules.config import (
    METHODS,
    BaseMethod,
    BaseSettings,
    CompositionSettings,
    CoulombSettings,
    FingerprintSettings,
    HyperMethod,
    HyperSettings,
    MeanSettings,
    MethodSettings,
    NetworkSettings,
    PassingSettings,
    SchNetSettings,
    WideSettings,
)
from hypernet.molecules.core.network import MessagePassing, Sizes
from hypernet.molecules.core.regressor import Regressor
from hypernet.molecules.dataset import PropertyData
from hypernet.molecules.model import DeviatingChange, GeneratedChange, hyper_message_passing

# Only quoted, not run here.
QUOTED = {
    "enn_s2s": "enn-s2s",
    "dimenet": "DimeNet++",
    "painn": "PaiNN",
    "equiformer": "Equiformer",
}
TITLES = {name: method.title for name, method in METHODS.items()} | QUOTED
MEAN_ALPHA = 0.0
# What opens again the methods without a network.
REGRESSORS: dict[str, type[Regressor]] = {
    "mean": Composition,
    "composition": Composition,
    "krr": Coulomb,
    "fingerprint_gbt": Fingerprints,
}


def fit(settings: MethodSettings, data: PropertyData) -> Regressor:
    """A method without a network, fitted on the molecules for training; what it leaves open, validation chooses."""
    train, values = data.part("train")
    held_out = data.part("validation")
    average, elements = data.target.readout == "mean", data.elements
    match settings:
        case MeanSettings():
            # Without elements the ridge has nothing to shrink.
            return fit_composition(train, values, average, (), MEAN_ALPHA)
        case CompositionSettings(method=method):
            return fit_composition(train, values, average, elements, method.alpha)
        case CoulombSettings(method=method, composition=composition):
            return fit_coulomb(
                train, values, *held_out, average, method.widths, method.ridges, method.most, composition.alpha
            )
        case FingerprintSettings(method=method, composition=composition):
            return fit_fingerprints(
                train,
                values,
                *held_out,
                average,
                method.radius,
                method.bits,
                method.rounds,
                method.learning_rates,
                method.leaves,
                method.least,
                composition.alpha,
            )
    raise ValueError(f"nothing is fitted from settings of type {type(settings).__name__}")


def build(settings: NetworkSettings, average: bool) -> MessagePassing | SchNet:
    """The untrained network of a method.

    Args:
        settings: of its training.
        average: whether atoms' parts are averaged and not added.
    """
    match settings:
        case SchNetSettings(method=method, graph=graph):
            return SchNet(method.channels, method.filters, method.interactions, method.gaussians, graph.cutoff, average)
        case PassingSettings(edge_update=edge_update):
            return nmp_edge(sizes_of(settings, average)._replace(edge_update=edge_update))
        case WideSettings(matched=base):
            sizes = sizes_of(settings, average)
            with without_weights():
                parameters = count_parameters(_hyper_base(sizes, base))
            return nmp_wide(sizes, parameters)
        case HyperSettings(method=hyper):
            return _hyper(sizes_of(settings, average), hyper)
        case BaseSettings(method=base):
            return _hyper_base(sizes_of(settings, average), base)
    raise ValueError(f"no network takes settings of type {type(settings).__name__}")


def sizes_of(settings: PassingSettings | WideSettings | HyperSettings | BaseSettings, average: bool) -> Sizes:
    """Sizes of a network with edge updates."""
    network = settings.network
    return Sizes(
        channels=network.channels,
        steps=network.steps,
        cutoff=settings.graph.cutoff,
        spacing=network.spacing,
        envelope=network.envelope,
        edge_update=True,
        average=average,
    )


def _hyper(sizes: Sizes, hyper: HyperMethod) -> MessagePassing:
    change = GeneratedChange(
        sizes.channels,
        sizes.steps,
        hyper.features,
        hyper.layers,
        hyper.hidden,
        hyper.mix,
        hyper.per_step,
        hyper.start,
        hyper.output,
    )
    return hyper_message_passing(sizes, change)


def _hyper_base(sizes: Sizes, base: BaseMethod) -> MessagePassing:
    change = DeviatingChange(sizes.channels, sizes.steps, base.features, base.layers, base.mix, base.share)
    return hyper_message_passing(sizes, change)
