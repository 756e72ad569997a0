"""The page's words for this domain: names of metrics, data sets and commands, and what each picture shows."""

from hypernet.codes.names import CODES
from hypernet.lab.steps import DataStep, Versioned

METRICS = {
    "ber": "bit error rate",
    "fer": "word error rate",
    "neg_ln_ber": "−ln(bit error rate)",
    "ber_equal_time": "bit error rate after a training of its own that takes the hypernetwork's seconds on a CPU",
    "fer_equal_time": "word error rate after that training",
    "neg_ln_ber_equal_time": "−ln(bit error rate) after that training",
    "parameters": "trained numbers",
    "training_seconds": "seconds of training on this machine",
    "equal_time_seconds": "seconds of the training that was to take the hypernetwork's",
    "ln_ber_gain": "ln(bit error rate of the second / of the first)",
    "ln_ber_equal_time_gain": "the same after trainings that take the hypernetwork's seconds",
}
BETTER = {
    "ber": "lower",
    "fer": "lower",
    "neg_ln_ber": "higher",
    "ber_equal_time": "lower",
    "fer_equal_time": "lower",
    "neg_ln_ber_equal_time": "higher",
}

# From the source to what trainings read.
STEPS = {
    "raw": DataStep("matrices", "parity-check matrix of {dataset}", minutes=10),
    "prepare": DataStep("words", "generator matrix of {dataset}, which makes its code words", minutes=10),
}
VERSIONED = Versioned(curves="−ln(bit error rate) against Eb/N0", methods=("bp", "hyper"))
# By file name, in the order of the page.
FIGURES = {
    "waterfall": "Bit error rate over Eb/N0, for random code words and noise that training did not see, with 95 % "
    "intervals. The dashed grey curve is uncoded transmission, in closed form. No decoder makes fewer word errors than "
    "maximum likelihood, and none that sees only hard decisions makes fewer than the code word nearest to them; both "
    "are shown where the code is small enough to enumerate. Hollow markers: more iterations than were trained. An "
    "arrow is an upper bound, from fewer than 10 wrong words.",
    "published": "Measured −ln(bit error rate), higher is better, beside published numbers. Hollow diamonds are "
    "numbers that could not be checked against their source; the paper trained for days, this run for seconds a method "
    "at smoke scale. Hatched bars are quoted, not run.",
    "gain": "Gain over belief propagation on the same words and the same noise: ln(bit error rate of belief "
    "propagation / bit error rate), above zero is better, with 95 % bootstrap intervals. Hollow and dotted: after a "
    "training of its own that takes the hypernetwork's seconds.",
    "learning": "Gain over belief propagation on the validation words, by which weights are chosen, over the seconds "
    "of training on this machine. Dotted: the second training of a run, of as many steps as take the hypernetwork's "
    "seconds.",
    "weights": "First-layer weights of the variable update g that the hypernetwork f emits for a quiet and for a noisy "
    "word, and their difference on a scale of its own: the weights depend on the word.",
    "messages": "One noisy word on the Tanner graph: check-to-variable messages of the trained decoder after the "
    "first, a middle and the last iteration.",
}
COMMANDS = {
    "decode": "decode channel values as they come, from a file or standard input",
    "encode": "make the words of any code from information bits",
    "curve": "simulate belief propagation, min-sum and a trained decoder on any code and plot the error rates",
    "export": "write a trained decoder as an ONNX file, for use without this program",
}


def dataset_title(dataset: str) -> str:
    """The name of a code for people."""
    return CODES[dataset].title if dataset in CODES else dataset
