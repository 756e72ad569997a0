"""What the pictures of this domain show; their names are their file names."""

FIGURES = {
    "waterfall": "Bit error rate against Eb/N0 on held-out noise, random code words, with 95 % intervals. "
    "The dashed line is uncoded transmission (closed form).",
    "published": "Measured -ln(BER), higher is better, beside published numbers. Hollow diamonds are numbers "
    "that could not be checked against their source.",
    "gain": "How much lower than belief propagation's the bit error rate is, on the same words and the same "
    "noise: ln(BER of belief propagation / BER), with 95 % bootstrap intervals.",
    "learning": "The check by which weights are chosen, mean ln(BER) over the validation points, against seconds "
    "of training on this machine.",
}
