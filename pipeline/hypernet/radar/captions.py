"""What the page says of this domain: names for people, and what each picture shows."""

from hypernet.lab.steps import DataStep, Versioned
from hypernet.radar.names import dataset_title

__all__ = ["BETTER", "COMMANDS", "FIGURES", "METRICS", "dataset_title"]

METRICS = {
    "loss": "half the squared error summed over the predicted square, grey levels in [0, 1], mean over images",
    "ratio": "loss over that of the last frame on the same images",
    "published_ratio": "loss over that of the last frame, beside the talk's three data sets (other data: only the "
    "order can be compared)",
    "rotated_ratio": "loss over that of the last frame on the same images turned by 90 and 180 degrees: who learned "
    "the wind of the training days, and not to see it, is worse there",
    "mae_dbz": "mean absolute error in dBZ",
    "better_share": "share of images whose loss is below that of the last frame",
    "csi": "critical success index: hits over hits, misses and false alarms",
    "pod": "probability of detection: share of wet pixels that were forecast",
    "far": "false alarm ratio: share of forecast wet pixels that are dry",
    "fss": "fractions skill score (Roberts and Lean 2008)",
    "lead_ratio": "loss over that of the last frame at longer lead times",
    "lead_csi": "critical success index at 21 dBZ at longer lead times",
    "loss_gain": "loss of the reference minus that of the method; intervals over events",
}
BETTER = {
    "loss": "lower",
    "ratio": "lower",
    "published_ratio": "lower",
    "rotated_ratio": "lower",
    "mae_dbz": "lower",
    "better_share": "higher",
    "csi": "higher",
    "pod": "higher",
    "far": "lower",
    "fss": "higher",
    "lead_ratio": "lower",
    "lead_csi": "higher",
}

# From the source to what trainings read.
STEPS = {
    "raw": DataStep("images", "raw images of {dataset}"),
    "prepare": DataStep("background_subtraction", "grey levels and windows of {dataset}, the map subtracted"),
}
VERSIONED = Versioned(
    dataset="simulated",
    curves="loss over that of the last frame against lead time (minutes)",
    methods=("global_motion", "whole_matching", "patch_matching"),
)
# By file name, in the order of the page.
FIGURES = {
    "comparison": "Loss of each method with 95 % intervals over events, where a test part has five or more; beside it "
    "the ratio to the last frame and the talk's ratios on its three data sets. The data are not the talk's: only the "
    "order can be compared.",
    "rotated": "The ratio to the last frame on the test images as they are, and on the same images turned. A method "
    "that sees the motion is as good on turned images; one that learned the wind of the training days is not.",
    "forecasts": "Four images, the one that followed, and what each method forecast; below, forecast minus observed.",
    "filters": "The vertical and the horizontal filter that a whole-image network wrote for these images, and their "
    "product: where each pixel of the forecast is taken from.",
    "motion": "Mean displacement of each patch by the filters of a patch network, coloured by their entropy: the "
    "higher, the less certain the motion.",
    "lead_times": "Longer forecasts: error and hits against lead time. Lines that agree hide each other, as those of "
    "soft global motion and of similarity maps of the whole image often do: the maps are the same.",
    "preprocessing": "From a picture to grey levels: the picture, the map behind it, its holes, the grey levels.",
    "skill": "Hits and false alarms at thresholds of reflectivity.",
    "learning": "Validation loss against seconds of training on this machine.",
}
COMMANDS = {
    "archive": "fetch NEXRAD volumes of a station and keep their grey levels",
    "nowcast": "forecast the next hour from your own radar files",
}
