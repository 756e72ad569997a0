"""What the page says of this domain: names for people, and what each picture shows."""

from hypernet.lab.steps import DataStep, Versioned
from hypernet.sonar.names import dataset_title

__all__ = ["BETTER", "COMMANDS", "FIGURES", "METRICS", "dataset_title"]

REIMPLEMENTED = "Re-implementation; the simulator is not the authors'."
METRICS = {
    "iou": "intersection over union of the 32³ voxel centres, mean over objects; without a class the "
    f"mean of the classes. {REIMPLEMENTED}",
    "published_iou": "the same beside the published table (other objects, other echoes: only the order can be "
    "compared)",
    "chamfer_l1": "mean distance to the nearest point of the other surface, both ways; the cube has the side 2",
    "f_score": "harmonic mean of precision and recall of surface points within 1 % of the cube's side",
    "recall": "share of the true surface of a sort (flat, curved, corner) with a reconstructed point within a voxel",
    "precision": "share of the reconstructed surface within a voxel of the true one, by the sort of the nearest point",
    "normal_error": "mean angle between the true normal and that of the nearest reconstructed point",
    "class_accuracy": "share of held-out objects that most of their five nearest neighbours share the class with, in "
    "the space of embeddings (of the nearest echo: of echoes)",
    "class_information": "normalised mutual information of 13 clusters (k-means) with the classes",
    "class_agreement": "adjusted Rand index of the same clusters",
    "parameters": "trained numbers",
    "training_seconds": "seconds of training on this machine",
    "iou_gain": "IoU of the method minus that of the reference, percentage points; intervals over objects",
    "recall_gain": "surface recall of the method minus that of the reference on a sort of surface, percentage points",
    "normal_gain": "normal error of the reference minus that of the method on a sort of surface, degrees",
    "class_correlation": "Pearson correlation of the two methods' IoU over the means of the classes",
    "object_correlation": "Pearson correlation of the two methods' IoU over objects",
}
BETTER = {
    "iou": "higher",
    "published_iou": "higher",
    "chamfer_l1": "lower",
    "f_score": "higher",
    "recall": "higher",
    "precision": "higher",
    "normal_error": "lower",
    "class_accuracy": "higher",
    "class_information": "higher",
    "class_agreement": "higher",
    "parameters": "lower",
    "training_seconds": "lower",
}

# From the source to what trainings read.
STEPS = {
    "raw": DataStep("solids", "solids and call of {dataset}"),
    "prepare": DataStep("echo_simulation", "echoes, images and labelled points of {dataset}", minutes=120),
}
VERSIONED = Versioned(
    dataset="generated",
    curves="IoU (%) by class, in the order of the published table",
    methods=("nearest", "concat_matched", "batman", "batman_pairs"),
)
# By file name, in the order of the page.
FIGURES = {
    "reconstructions": "Held-out objects: the echo at the left ear, an image from the same place, the true shape, and "
    "beside it what sight makes of the image and sound of the echo, all seen from where the bat was. " + REIMPLEMENTED,
    "iou_by_class": "Intersection over union with the true shape, class by class, with 95 % intervals over objects. "
    "Published numbers stand beside; values cannot be compared, they are of other objects and other echoes.",
    "vision_sonar": "IoU by sound against IoU by sight, of the classes and of single objects, with their correlation.",
    "surfaces": "Flat, curved and corner surface: the share that is recovered within a voxel and the error of its "
    "normal, by sight and by sound, with 95 % intervals over objects; with vision among the runs also how much more of "
    "the surface sight recovers than sound, object by object.",
    "echoes": "What the ears hear of one object, without noise: the waves of both, the spectrogram of the left one, "
    "the differences of level and phase between them, and the range profile beside the true depths.",
    "scene": "Where the bat is, which points of the surface it reaches, and how much each adds to the echo.",
    "strength": "Target strength (how strong the echo is) against the direction of the bat: a plate, a sphere, a "
    "right-angled corner with one and with two reflections, and their closed forms.",
    "latent": "Embeddings of held-out echoes in two dimensions (t-SNE), by class; beside them the echoes themselves.",
    "learning": "Validation IoU, mean of the classes, against seconds of training on this machine.",
    "failures": "The worst reconstructions of each class by sound: what an eye would see, the true shape and the "
    "written one.",
}
COMMANDS = {
    "simulate": "echoes of a mesh, as a bat or any microphones hear them",
    "strength": "target strength of a mesh against angle and frequency",
    "reconstruct": "a mesh or a page from an echo",
}
