"""What the page says of this domain: names for people, and what each picture shows."""

from hypernet.lab.steps import DataStep, Versioned
from hypernet.shapes.names import dataset_title

__all__ = ["BETTER", "COMMANDS", "FIGURES", "METRICS", "dataset_title"]

METRICS = {
    "iou": "intersection over union of the 32³ voxel centres, mean over objects; without a class the mean of the classes",
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
    "reconstructions": "One held-out object of several classes: the image, the true shape, and what each method makes of "
    "the image, from the same camera.",
    "iou_by_class": "IoU of each class with 95 % intervals over objects; the published numbers are of other objects and "
    "labels.",
    "learning": "Validation IoU against seconds of training on this machine.",
    "representations": "What an object costs as voxels, as points, as a mesh and as a network, measured here.",
    "latent": "Embeddings of held-out images in two dimensions (t-SNE), a thumbnail at each place.",
    "interpolation": "From one object to another: between their embeddings, and between the weights of their networks.",
    "silhouettes": "Differentiable rendering: the input image, the silhouette of another view that the training sees, and "
    "the one that the network gives.",
    "slices": "Cuts through the written function: its value in the plane, and the surface where it is zero.",
    "samples": "The labelled points of one training batch: uniform ones and those near the boundary.",
    "resolution": "IoU against the resolution at which one and the same network is asked, and the time that takes.",
    "failures": "The three worst reconstructions of each class.",
}
COMMANDS = {
    "reconstruct": "a mesh, a network or a page from one photograph",
    "interpolate": "shapes between two photographs",
    "voxelize": "voxels of a mesh",
    "score": "compare two meshes",
}
