"""What the page says of this domain: names for people, and what each picture shows."""

from hypernet.lab.steps import DataStep, Versioned
from hypernet.molecules.names import dataset_title

__all__ = ["BETTER", "COMMANDS", "FIGURES", "METRICS", "dataset_title"]

METRICS = {
    "mae": "mean absolute error of tested molecules; all networks trained for as many steps. The hypernetwork paper's "
    "own numbers are not available. U0, U, H and G are energies of atomization (with the sign turned), whose errors "
    "are those of the total energies too",
    "mae_equal_time": "the same after a training of its own that takes the hypernetwork's seconds on a CPU",
    "mae_std": "mean absolute error over the standard deviation of the property among tested molecules",
    "mae_rebuilt": "mean absolute error where the geometry was made from SMILES (ETKDG and MMFF94), of the first of "
    "the tested molecules",
    "mae_same": "of these molecules at QM9's own geometries",
    "coverage": "tested molecules whose true value lies in the 90 % interval (split conformal, of the held-out ones)",
    "parameters": "trained numbers",
    "training_seconds": "seconds of training on this machine",
    "equal_time_seconds": "seconds of the training that was to take the hypernetwork's",
    "molecules_per_second": "molecules predicted in a second of this machine's processor, neighbours included",
    "mix": "c, the share of the first state in what the hypernetwork looks at",
    "mae_gain": "by how much smaller the mean absolute error is than the reference's, in % of that; intervals over "
    "molecules",
    "mae_equal_time_gain": "the same after trainings that take the hypernetwork's seconds",
}
BETTER = {
    "mae": "lower",
    "mae_equal_time": "lower",
    "mae_std": "lower",
    "mae_rebuilt": "lower",
    "mae_same": "lower",
    "parameters": "lower",
    "training_seconds": "lower",
    "molecules_per_second": "higher",
}

# From the source to what trainings read.
STEPS = {
    "raw": DataStep("molecules", "molecules of {dataset}"),
    "prepare": DataStep("graphs", "QM9 graphs of {dataset}"),
}
VERSIONED = Versioned(
    dataset="qm9_7heavy_U0",
    curves="Mean absolute error by heavy atoms",
    methods=("composition", "krr", "schnet", "nmp_edge", "nmp_wide", "hyper"),
)
# By file name, in the order of the page.
FIGURES = {
    "parity": "Tested molecules: predicted against true, and below it the error against true, on a scale of each "
    "method's own. Above 2,000 molecules: how many lie in each cell.",
    "errors": "Mean absolute error by the number of heavy atoms, and by functional group (a molecule may have several, "
    "and counts in each); groups of fewer than five tested molecules are left out.",
    "relative": "Mean absolute error over the standard deviation of each property among tested molecules: 1 is as far "
    "off as the property is spread.",
    "learning": "Validation error against seconds of training on this machine: trainings of as many steps, and dotted "
    "those that were to take the hypernetwork's seconds. Ringed: the weights that are kept.",
    "sizes": "Mean absolute error of the same tested molecules against the number of molecules for training.",
    "costs": "Mean absolute error against speed on this machine, after equal steps and after the hypernetwork's "
    "seconds of training, and how many numbers were trained. Lines: methods whose predictions take next to no time.",
    "contributions": "Tested molecules with different functional groups, each atom with its part of the property as "
    "the hypernetwork comes to it; hydrogens' parts are counted with the atoms that they are bound to. Colours: more "
    "(red) or less (blue) than such atoms usually have. Parts were never measured.",
    "weights": "Weights that the hypernetwork writes for atoms of tested molecules, on the two principal components of "
    "all rounds together, by element and hybridisation, round by round. In the first round it sees elements alone.",
    "mix": "c, the share of the first state in what the hypernetwork looks at, during the trainings that learn it.",
    "trust": "Share of true values inside the hypernetwork's intervals (split conformal: their width comes from errors "
    "of held-out molecules) against their nominal level; and what it costs each method when the geometry is made from "
    "SMILES (ETKDG and MMFF94) instead of the data's.",
}
COMMANDS: dict[str, str] = {}
