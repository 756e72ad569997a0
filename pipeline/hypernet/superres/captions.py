"""What the page says of this domain: names for people, and what each picture shows."""

from hypernet.lab.steps import DataStep, Versioned
from hypernet.superres.names import dataset_title

__all__ = ["BETTER", "COMMANDS", "FIGURES", "METRICS", "dataset_title"]

METRICS = {
    "psnr": "peak signal-to-noise ratio of the 32x32 image, mean over images; all networks trained for as many steps. "
    "The talk shows this system without numbers: protocol and numbers are this project's",
    "psnr_equal_time": "the same after a training of its own that takes the hypernetwork's seconds on a CPU",
    "ssim": "structural similarity of the 32x32 image",
    "consistency": "PSNR between the small image and the area means of the large one",
    "accuracy": "digits that a fixed classifier, trained on true images, tells right",
    "changed": "digits that the classifier takes for another than in the true image",
    "psnr_16": "PSNR of samples at 16x16 with the true area means, of the first images of the test",
    "psnr_24": "the same at 24x24",
    "psnr_16_area": "PSNR at 16x16 where each pixel is the mean of 4x4 samples",
    "psnr_24_area": "the same at 24x24, of 3x3 samples",
    "consistency_64": "consistency of the image sampled at 64x64",
    "accuracy_64": "accuracy on the image sampled at 64x64, its area means at 32x32",
    "drift": "PSNR between samples at 32x32 and area means of samples at 64x64",
    "psnr_projected": "PSNR after the output was brought towards the small image, of the first images of the test",
    "projection_gain": "what that adds to the PSNR of these images",
    "consistency_projected": "consistency after that",
    "parameters": "trained numbers",
    "state": "numbers that are kept of an image to sample it: of the hypernetwork, all weights of g",
    "multiply_adds": "multiplications with additions for one point, what is done once per image left out",
    "ns_per_point": "nanoseconds for a point of one image of 256x256, on this machine",
    "encode_ms": "milliseconds to look at one small image, 100 at a time, on this machine",
    "training_seconds": "seconds of training on this machine",
    "equal_time_seconds": "seconds of the training that was to take the hypernetwork's",
    "psnr_gain": "PSNR of the method minus that of the reference, dB; intervals over images",
    "psnr_equal_time_gain": "the same after trainings that take the hypernetwork's seconds",
}
BETTER = {
    "psnr": "higher",
    "psnr_equal_time": "higher",
    "ssim": "higher",
    "consistency": "higher",
    "accuracy": "higher",
    "changed": "lower",
    "psnr_16": "higher",
    "psnr_24": "higher",
    "psnr_16_area": "higher",
    "psnr_24_area": "higher",
    "consistency_64": "higher",
    "accuracy_64": "higher",
    "drift": "higher",
    "psnr_projected": "higher",
    "projection_gain": "higher",
    "consistency_projected": "higher",
    "parameters": "lower",
    "state": "lower",
    "multiply_adds": "lower",
    "ns_per_point": "lower",
    "encode_ms": "lower",
    "training_seconds": "lower",
}

# From the source to what trainings read.
STEPS = {
    "raw": DataStep("digits", "images of {dataset}"),
    "prepare": DataStep("resolution_pairs", "low- and high-resolution pairs of {dataset}"),
}
VERSIONED = Versioned(
    dataset="digits",
    curves="PSNR (dB) by digit",
    methods=("bicubic", "concat_h16", "concat_matched", "espcn", "liif", "hyper_h16"),
)
# By file name, in the order of the page.
FIGURES = {
    "gallery": "Held-out digits: the small image, what each method makes of it, the true image, and below each how far "
    "it is off (grey levels, of 1).",
    "sizes": "The same function sampled on other grids, from 8x8 to 256x256; a network of one scale has only its own.",
    "width": "PSNR against the size of the network that is asked at every point: weights of g written for each image, "
    "against weights that all images share and that read the image's embedding. Beside it the same against all that is "
    "trained. Intervals over images, and over trainings where there are several.",
    "learning": "Validation PSNR against seconds of training on this machine: trainings of as many steps, and dotted "
    "those that were to take the hypernetwork's seconds.",
    "costs": "PSNR against what a point costs on this machine, after equal steps and after the hypernetwork's seconds.",
    "by_class": "PSNR of held-out images, digit by digit: interpolation, the control of equal parameters, and the "
    "hypernetwork.",
    "interpolation": "Between two digits: a mixture of the weights θ of their networks, which is one of the embeddings "
    "too, of the small images, and of the enlarged ones.",
    "changed": "Digits that became others: where the classifier tells the true image right and the enlarged one wrong.",
    "elsewhere": "Handwritten digits of another collection (UCI, scikit-learn; 8x8 in 17 grey levels), which no "
    "training has seen and of which no true image is known: as they are, and with a border as the training's digits "
    "have.",
}
COMMANDS = {
    "enlarge": "an image of any size, or the network that is the image, from a small one",
}
