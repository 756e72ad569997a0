"""What the page says of this domain: names for people, and what each picture shows."""

from hypernet.circuits.names import dataset_title

__all__ = ["BETTER", "COMMANDS", "FIGURES", "METRICS", "dataset_title"]

METRICS = {
    "exact": "share of circuits with every part and every value right",
    "topology": "share of circuits with every part right, values left aside",
    "token": "share of positions with the right kind of part",
    "value_given_topology": "share of right values where the topology is right",
    "response_match_1": "share of circuits whose response is within 1 % (relative RMS of the compressed response)",
    "response_match_5": "share of circuits whose response is within 5 %",
    "max_db": "largest difference of 20 log10 |V| over frequency, median over circuits",
    "no_end": "share of circuits that were not brought to an end",
    "exact_gain": "share of exact circuits of the first less that of the second",
    "exact_drop": "share of exact circuits less that of circuits with one part more",
}
BETTER = {
    "exact": "higher",
    "topology": "higher",
    "token": "higher",
    "value_given_topology": "higher",
    "response_match_1": "higher",
    "response_match_5": "higher",
    "max_db": "lower",
    "no_end": "lower",
}

# By file name, in the order of the page.
FIGURES = {
    "lengths": "Share of circuits that are right against their number of parts, with 95 % intervals; hollow and "
    "dashed, the talk's numbers. The paper's protocol is not public: sampler, values and hyperparameters are this "
    "project's.",
    "response": "A wanted response, that of the circuit which the hypernetwork's GRU wrote, and that of the genetic "
    "algorithm: voltage at the load, and impedance seen at port 2. Of the longest test circuits, the first that ours "
    "gets exactly right and the genetic algorithm does not.",
    "schematic": "The circuit behind a wanted response, above the one that was written for it; parts that differ are "
    "coloured. Of the circuits that are not exactly right the one with the nearest response.",
    "confusion": "What was written where: kinds at every position, and values where the kind is right. Rows add to 1.",
    "weights": "The weights that the hypernetwork writes for the test responses, in the plane of their two largest "
    "principal components.",
    "tolerance": "What parts with tolerances of 5 % do to a written circuit: 95 % of the drawn circuits lie in the "
    "band.",
    "candidates": "Several circuits drawn from the network, all simulated, and the nearest one kept: how far its "
    "response is off, and how often it is exactly right.",
    "learning": "Share of validation circuits that are not exactly right, against seconds of training on this machine.",
}
COMMANDS = {
    "design": "find a circuit for a response, a gain or a mask of your own",
    "simulate": "compute the response of a SPICE netlist",
}
