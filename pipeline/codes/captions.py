"""What the page says of this domain: names for people, and what each picture shows."""

from pipeline.codes.matrices import CODES

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
    "The dashed line is uncoded transmission (closed form).",
    "published": "Measured -ln(BER), higher is better, beside published numbers. Hollow diamonds are numbers "
    "that could not be checked against their source; the paper trained for days, this run for about a minute "
    "at smoke scale.",
    "gain": "How much lower than belief propagation's the bit error rate is, on the same words and the same "
    "noise: ln(BER of belief propagation / BER), with 95 % bootstrap intervals.",
    "learning": "The check by which weights are chosen, mean ln(BER) over the validation points, against seconds "
    "of training on this machine.",
}


def dataset_title(dataset: str) -> str:
    """Name of a code for people."""
    return CODES[dataset].title if dataset in CODES else dataset
