"""What the page says of this domain: names for people, and what each picture shows."""

from hypernet.circuits.names import dataset_title
from hypernet.lab.steps import DataStep, Versioned

__all__ = ["BETTER", "COMMANDS", "FIGURES", "METRICS", "dataset_title"]

METRICS = {
    "exact": "share of circuits with every part and every value right; all networks trained for as many steps",
    "exact_equal_time": "the same after a training that takes the seconds of ours_lowrank on a CPU",
    "topology": "share of circuits with the right type of part at every position, whatever the values",
    "topology_equal_time": "the same after a training that takes the seconds of ours_lowrank",
    "token": "share of positions with the right type of part",
    "value_given_topology": "share of right values where the topology is right",
    "response_match_1": "share of circuits whose response is within 1 % (relative RMS of the compressed response)",
    "response_match_5": "share of circuits whose response is within 5 %",
    "response_match_5_equal_time": "the same after a training that takes the seconds of ours_lowrank",
    "max_db": "largest difference of 20 log10 |V| over frequency, median over circuits",
    "no_end": "share of circuits that the network did not end",
    "parameters": "trained numbers",
    "training_seconds": "seconds of training on this machine (of the processor)",
    "equal_time_seconds": "processor seconds of the training that was to take those of ours_lowrank",
    "exact_gain": "share of exact circuits, first method minus second",
    "exact_equal_time_gain": "the same after trainings that take the seconds of ours_lowrank",
    "exact_drop": "share of exact circuits minus that of circuits with one part more",
}
BETTER = {
    "exact": "higher",
    "exact_equal_time": "higher",
    "topology": "higher",
    "topology_equal_time": "higher",
    "token": "higher",
    "value_given_topology": "higher",
    "response_match_1": "higher",
    "response_match_5": "higher",
    "response_match_5_equal_time": "higher",
    "max_db": "lower",
    "no_end": "lower",
    "parameters": "lower",
    "training_seconds": "lower",
}

# From the source to what trainings read.
STEPS = {
    "raw": DataStep("sampling", "draw the held-out circuits of {dataset}"),
    "prepare": DataStep("simulation", "simulate the held-out circuits of {dataset}"),
}
VERSIONED = Versioned(curves="share of exact circuits against the number of parts", methods=("ga", "gru", "ours"))
# By file name, in the order of the page.
FIGURES = {
    "lengths": "Share of test circuits whose circuit or topology is right, by number of parts, with 95 % intervals; "
    "hollow and dashed: the talk's numbers. The paper's protocol is not public: sampler, values and "
    "hyperparameters are this project's.",
    "equal_time": "Share of test circuits that are right against the processor's seconds of training on this machine: "
    "filled after equal steps, hollow after a training that was to take the seconds of ours_lowrank; 95 % intervals "
    "over circuits, and over trainings where there are several.",
    "response": "A wanted response and those of the circuits by the hypernetwork's GRU and by the genetic algorithm: "
    "gain, phase and the impedance that the source sees. Shown is the first of the longest test circuits that ours "
    "gets exactly right and the genetic algorithm does not.",
    "schematic": "The circuit behind a wanted response, above the one that was written for it; parts that differ are "
    "coloured. Shown is the circuit with the nearest response among those that are not exactly right.",
    "confusion": "Confusion matrices: type of part at every position, and value where the type is right. Rows add "
    "to 1.",
    "weights": "The weights that the hypernetwork writes for the test responses, in the plane of their two largest "
    "principal components.",
    "tolerance": "Effect of component tolerances of 5 % on a written circuit: 95 % of the Monte Carlo draws lie in the "
    "band.",
    "candidates": "Several circuits drawn from the network, all simulated, and the nearest one kept: its response "
    "error, and how often it is exactly right.",
    "learning": "Share of validation circuits that are exactly right, against training time on this machine: of as "
    "many steps, and dotted the trainings that were to take the seconds of ours_lowrank.",
}
COMMANDS = {
    "design": "find a circuit for a response, a gain or a mask of your own",
    "simulate": "compute the response of a SPICE netlist",
}
