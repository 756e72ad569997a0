"""What the page says of this domain: names for people, and what each picture shows."""

from hypernet.lab.steps import DataStep, Versioned
from hypernet.shapes.names import dataset_title

__all__ = ["BETTER", "COMMANDS", "FIGURES", "METRICS", "dataset_title"]

METRICS = {
    "iou": "intersection over union of the 32³ voxel centres, mean over objects; without a class the "
    "mean of the classes",
    "published_iou": "the same beside the published tables (other objects, and labels by other rules: only the order "
    "can be compared)",
    "chamfer_l1": "mean distance to the nearest point of the other surface, both ways; the cube has the side 2",
    "f_score": "harmonic mean of precision and recall of surface points within 1 % of the cube's side",
    "normal_consistency": "mean |cosine| between the normals of nearest points",
    "parameters": "trained numbers",
    "multiply_adds": "multiplications with additions for one point, what is done once per image left out",
    "training_seconds": "seconds of training on this machine",
    "iou_gain": "IoU of the method minus that of the reference, percentage points; intervals over objects",
}
BETTER = {
    "iou": "higher",
    "published_iou": "higher",
    "chamfer_l1": "lower",
    "f_score": "higher",
    "normal_consistency": "higher",
    "parameters": "lower",
    "multiply_adds": "lower",
    "training_seconds": "lower",
}

# From the source to what trainings read.
STEPS = {
    "raw": DataStep("solids", "solids of {dataset}"),
    "prepare": DataStep("voxelization", "voxels, boundary samples and views of {dataset}"),
}
VERSIONED = Versioned(
    dataset="generated",
    curves="IoU (%) by class, in the order of the published tables",
    methods=("retrieval", "concat_matched", "hyper"),
)
# By file name, in the order of the page.
FIGURES = {
    "reconstructions": "The first held-out object of several classes: the image, the true shape, and what each method "
    "makes of the image, all seen from where the image was taken. Where a method finds nothing inside, the place is "
    "empty.",
    "iou_by_class": "Intersection over union with the true shape, class by class, with 95 % intervals over objects. "
    "Published numbers stand beside; values cannot be compared, they are of other objects, images and labels.",
    "learning": "Validation IoU, mean of the classes, against seconds of training on this machine. A set of points has "
    "no inside and is left out.",
    "representations": "What an object costs as voxels, as points, as a mesh, as an embedding that a shared network "
    "reads, and as a network of its own: bytes and processor seconds measured here.",
    "latent": "Embeddings of held-out images in two dimensions (t-SNE): the images at their places, and their classes. "
    "The title says how well embeddings and weights tell the classes apart.",
    "interpolation": "From one object to another: between their embeddings, which is also between the weights of their "
    "networks, since those are linear in the embedding; and between the values of the two networks.",
    "silhouettes": "Differentiable rendering, by a network trained on silhouettes alone: the image given, the "
    "silhouette of another view of the same object, and the silhouette that the written function has in that view.",
    "slices": "Cuts through the written function: its value in three planes, the surface where it is zero, and the "
    "true outline.",
    "samples": "The labelled points of one training batch: uniform ones and those near the boundary, inside and "
    "outside.",
    "resolution": "One and the same network asked at several resolutions: IoU with the exact shape, and the time that "
    "takes at every cell or near the surface alone.",
    "failures": "The three worst reconstructions of each class: the image, the true shape and the written one.",
}
COMMANDS = {
    "reconstruct": "a mesh, a network or a page from one photograph",
    "interpolate": "shapes between two photographs",
    "voxelize": "voxels of a mesh",
    "score": "compare two meshes",
}
