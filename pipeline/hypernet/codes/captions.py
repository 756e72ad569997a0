"""What the page says of this domain: names for people, and what each picture shows."""

from hypernet.codes.sources.matrices import CODES

METRICS = {
    "ber": "bit error rate",
    "fer": "word error rate",
    "neg_ln_ber": "−ln(bit error rate)",
    "ln_ber_gain": "ln(bit error rate of the second / of the first)",
}
BETTER = {"ber": "lower", "fer": "lower", "neg_ln_ber": "higher"}

# By file name, in the order of the page.
FIGURES = {
    "waterfall": "Bit error rate against Eb/N0 on held-out noise, random code words, with 95 % intervals. "
    "Uncoded transmission is the closed form. Maximum likelihood bounds what any decoder can do, the nearest word "
    "to the hard decisions what one can do that sees bits only; both where the code is small enough for them.",
    "published": "Measured −ln(BER), higher is better, beside published numbers. Hollow diamonds are numbers "
    "that could not be checked against their source; the paper trained for days, this run for about a minute a "
    "method at smoke scale. Hatched bars are quoted, not run.",
    "gain": "How much lower than belief propagation's the bit error rate is, on the same words and the same "
    "noise: ln(BER of belief propagation / BER), with 95 % bootstrap intervals.",
    "learning": "Gain over belief propagation on the validation words, by which weights are chosen, against seconds "
    "of training on this machine.",
    "weights": "The first layer of the variable update that the hypernetwork emits for a quiet and for a noisy "
    "word, and the difference on a scale of its own: the generated weights are not the same.",
    "messages": "One noisy word on the Tanner graph: check-to-bit messages of the trained decoder, iteration by "
    "iteration.",
}
COMMANDS = {
    "decode": "decode channel values as they come, from a file or standard input",
    "curve": "simulate belief propagation, and a trained decoder, on any code and draw its error rates",
    "export": "write a trained decoder as an ONNX file, for use without this program",
}


def dataset_title(dataset: str) -> str:
    """Name of a code for people."""
    return CODES[dataset].title if dataset in CODES else dataset
