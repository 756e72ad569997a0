"""What the page says of this domain: names for people, and what each picture shows."""

from hypernet.lab.steps import DataStep, Versioned
from hypernet.retouch.names import dataset_title

__all__ = ["BETTER", "COMMANDS", "FIGURES", "METRICS", "dataset_title"]

METRICS = {
    "psnr": "peak signal-to-noise ratio of the retouched 8-bit image, mean over photographs; all networks trained for "
    "as many steps. The paper's own numbers are not available; those of others are for FiveK alone, and remembered",
    "psnr_equal_time": "the same after a training of its own that takes the hypernetwork's seconds on a CPU",
    "ssim": "structural similarity",
    "delta_e76": "mean difference in CIE L*a*b* (Delta E of 1976)",
    "delta_e2000": "mean difference after CIEDE2000",
    "clipped": "channel values that lie outside [0, 1] before they are clamped",
    "recovery": "mean difference from the best 3x10 map's result, in levels of 255",
    "jitter": "mean step of the map from frame to frame (Frobenius norm), of a film of a moving camera in poor light",
    "jitter_smoothed": "the same of the smoothed maps that films are retouched with",
    "flicker": "standard deviation of the second difference of the mean luma, levels of 255; each frame by itself",
    "flicker_smoothed": "the same with the smoothed maps",
    "lag": "frames after a cut that still have the old shot's map",
    "parameters": "trained or fitted numbers",
    "training_seconds": "seconds of training on this machine",
    "equal_time_seconds": "seconds of the training that was to take the hypernetwork's",
    "psnr_gain": "PSNR of the method minus that of the reference, dB; intervals over photographs",
    "psnr_equal_time_gain": "the same after trainings that take the hypernetwork's seconds",
    "ssim_gain": "structural similarity of the method minus that of the reference",
    "delta_e76_gain": "Delta E of the reference minus that of the method",
}
BETTER = {
    "psnr": "higher",
    "psnr_equal_time": "higher",
    "ssim": "higher",
    "delta_e76": "lower",
    "delta_e2000": "lower",
    "clipped": "lower",
    "recovery": "lower",
    "jitter": "lower",
    "jitter_smoothed": "lower",
    "flicker": "lower",
    "flicker_smoothed": "lower",
    "lag": "lower",
    "parameters": "lower",
    "training_seconds": "lower",
}

# From the source to what trainings read.
STEPS = {
    "raw": DataStep("photographs", "photographs of {dataset}"),
    "prepare": DataStep("retouching_pairs", "before/after pairs of {dataset}"),
}
VERSIONED = Versioned(
    dataset="photos",
    curves="PSNR (dB)",
    methods=("auto_contrast", "global_ls", "ridge", "pixel_mlp", "hyper", "hyper_unpaired"),
)
# By file name, in the order of the page.
FIGURES = {
    "gallery": "Held-out photographs: the input, what each method makes of it with its PSNR, and the target. The "
    "first pair of each held-out photograph, not chosen. The oracle knows the target.",
    "scores": "Each held-out photograph, the mean over its inputs, joined from method to method: PSNR, the same "
    "minus the hypernetwork's, and the difference in CIE L*a*b* (ΔE of 1976). Diamonds: means of all, with 95 % "
    "intervals over photographs, which are wide because there are few. Where all splits of the eight photographs are "
    "there, they are joined, and every photograph is tested once.",
    "controls": "The hypernetwork beside networks that retouch without writing a map: PSNR against seconds of "
    "training, after equal steps (filled) and after steps that were to take the hypernetwork's seconds (hollow); and "
    "the differences, paired by photograph.",
    "learning": "Validation PSNR against seconds of training on this machine: trainings of as many steps, and dotted "
    "those that were to take the hypernetwork's seconds. Rings: the weights that are kept.",
    "strength": "The first held-out input at strengths a of its colour map, (1 - a) I + a M, from none to half as "
    "much again as the model says, and the target.",
    "curves": "What a colour map does along grey and along each primary: the three outputs of the hypernetwork's map "
    "(solid), of the best map of the pair (dashed), and of the identity (dotted), for the first pair of each "
    "held-out photograph. At the foot: how many of its colours lie near the axis. Where there are none, either map "
    "continues what it does elsewhere. What lies in the grey bands is clamped.",
    "gamut": "The commonest colours of the same inputs in the plane of CIE a* and b*: from the input (dot) to what "
    "the hypernetwork makes of it (arrow), and to the target of the same pixels (square). Below, the same colours as "
    "swatches, from dark to light.",
    "matrix": "M - I, by which a colour map differs from the identity: each output is its channel plus the row's "
    "numbers times the monomials above them. Left the hypernetwork's; right the best map of the pair, with "
    "1e-4 ||M - I||² added to its squared error. Without it a best map can have numbers of 30 and more that nearly "
    "cancel, since the monomials of a photograph's colours are nearly dependent: "
    "different numbers can be nearly the same map.",
    "worst": "The ten held-out pairs with the lowest PSNR of the hypernetwork: input, result and target.",
    "clipped": "Where channels left [0, 1] and were clamped: orange above 1, blue below 0, black both, for the "
    "held-out pair that loses most with the hypernetwork; shares of channel values.",
    "film": "A made film of two shots: a window moves over the inputs of two held-out photographs, with noise in "
    "each frame. Each frame retouched by its own map and by smoothed ones, which begin anew at the cut; below, the "
    "entries of M that change most, and the steps of all of M from frame to frame.",
    "plates": "The first held-out input taken apart as three glass plates on a grey scan, green and red moved by "
    "known offsets (those of a scan of the Library of Congress): the plates, the colours as they lie, aligned by "
    "edges, and retouched. The foot says which offsets are found again.",
}
COMMANDS = {
    "apply": "retouch photographs, folders or films with a trained method, a saved map or a LUT",
    "learn": "a personal style from 5 to 20 pairs before and after",
    "plates": "one colour photograph from a scan of three glass plates",
}
