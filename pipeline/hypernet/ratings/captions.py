"""What the page says of this domain: names for people, and what each picture shows."""

from hypernet.lab.steps import DataStep, Versioned
from hypernet.ratings.names import dataset_title

__all__ = ["BETTER", "COMMANDS", "FIGURES", "METRICS", "dataset_title"]

METRICS = {
    "rmse": "root mean squared error of the predicted ratings",
    "mae": "mean absolute error of the predicted ratings",
    "root_recovery": "share of users whose tree asks the true first question",
    "attribute_overlap": "Jaccard index of the attributes asked about and the true ones",
    "rmse_truth": "root mean squared error against the true mean ratings of all items",
    "asked_attributes": "number of attributes that a user's tree asks about, by rules that decide something",
    "commonest_attribute": "share of these rules of all trees that ask about the commonest attribute",
    "rmse_gain": "by how much the RMSE of the first is lower than that of the second",
}
BETTER = {
    "rmse": "lower",
    "mae": "lower",
    "root_recovery": "higher",
    "attribute_overlap": "higher",
    "rmse_truth": "lower",
}

# From the source to what trainings read.
STEPS = {
    "raw": DataStep("tables", "raw tables of {dataset}"),
    "prepare": DataStep("splits", "divide the ratings of {dataset} and standardise the features"),
}
VERSIONED = Versioned(dataset="preftrees")
# By file name, in the order of the page.
FIGURES = {
    "errors": "RMSE on the test ratings with 95 % intervals over users (not over trainings), beside the published "
    "numbers. Crosses are quoted, not run here. Rows called tuned chose their settings on the validation ratings, as "
    "the hypernetworks' recipe was chosen; rows beside them with default settings are the published protocol. Two "
    "numbers for a user (biases, a line on the item's mean) need no tree at all.",
    "sample_trees": "Trees for one user, whose tree asks about the most attributes: the one tree for everybody, the "
    "tree that the hypernetwork grows for this user with a fixed structure, and the one with a dynamic structure, "
    "which ends where a rule would split nothing; and the one that is grown on a base and says by how much this user "
    "differs from it.",
    "user_tree": "The tree of the same user (at most four levels of it): what each rule asks, how many of the user's "
    "ratings came to each node, and the rating it predicts.",
    "truth": "The same user's true tree (generated data) beside the one that the hypernetwork grew from the user's "
    "ratings.",
    "attributes": "Which attribute the users' trees of the talk's network with hard routing ask about first, and at "
    "each depth.",
    "asked": "What trees ask. Left: the attributes of all rules that decide something (items of the catalogue come out "
    "on both sides). Right: how many attributes a user's tree asks about. A tree that asks about the item's mean "
    "rating alone says that the user likes what everybody likes, and a line per user on that mean says as much.",
    "support": "RMSE against the number of training ratings of the user: trees grown by the hypernetwork, trees "
    "fitted to the user alone, and tuned SVD.",
    "calibration": "Mean observed rating against mean predicted rating, in tenths of the test ratings by prediction, "
    "for soft and hard routing.",
    "depth": "RMSE on the test ratings when the same trained network grows shallower or deeper trees than it was "
    "trained for, beside trees fitted to each user alone.",
    "embedding": "What the hypernetwork makes of each user (r_all, the mean of its embedded ratings), in the plane of "
    "its two largest principal components; the colour is the attribute that the user's ratings favour most.",
    "learning": "RMSE on the validation ratings, by which weights are chosen, against training time on this machine.",
}
COMMANDS = {
    "recommend": "grow a tree from a handful of your ratings and say what you will like, and why",
}
