"""Names of the classes and the data sets: apart from the captions, so that a new caption does not remake the data."""

from __future__ import annotations

# In the order of the published tables: ShapeNet's synsets of Choy et al. (2016).
SYNSETS = {
    "airplane": "02691156",
    "bench": "02828884",
    "cabinet": "02933112",
    "car": "02958343",
    "cellphone": "04401088",
    "chair": "03001627",
    "couch": "04256520",
    "firearm": "04090263",
    "lamp": "03636649",
    "monitor": "03211117",
    "speaker": "03691459",
    "table": "04379243",
    "watercraft": "04530566",
}
CLASSES = tuple(SYNSETS)
GENERATED = "generated"
# Data sets of files, which a person fetches or has.
SOURCES = {
    "choy": "ShapeNet, renderings and voxels of Choy et al.",
    "hsp": "ShapeNet, renderings and voxels of Hane et al.",
    "real": "Real meshes and official samples, trained on generated shapes",
}


def dataset_title(dataset: str) -> str:
    """Name of a data set for people."""
    base, _, seed = dataset.partition("_seed")
    base, _, each = base.partition("_each")
    if base == GENERATED:
        return (
            "Generated shapes" + (f", {each} of each class" if each else "") + (f", data seed {seed}" if seed else "")
        )
    return SOURCES.get(dataset, dataset)
