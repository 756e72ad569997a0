"""What the page says of this domain: names for people, and what each picture shows."""

from hypernet.ratings.names import dataset_title

__all__ = ["BETTER", "COMMANDS", "FIGURES", "METRICS", "dataset_title"]

METRICS = {
    "rmse": "root mean squared error of the predicted ratings",
    "mae": "mean absolute error of the predicted ratings",
    "root_recovery": "share of users whose tree asks the true first question",
    "attribute_overlap": "Jaccard index of the attributes asked about and the true ones",
    "rmse_truth": "root mean squared error against the true mean ratings of all items",
    "rmse_gain": "RMSE of the second less that of the first",
}
BETTER = {
    "rmse": "lower",
    "mae": "lower",
    "root_recovery": "higher",
    "attribute_overlap": "higher",
    "rmse_truth": "lower",
}

# By file name, in the order of the page.
FIGURES = {
    "errors": "RMSE on the test ratings with 95 % intervals over users, beside the published numbers. Crosses are "
    "quoted, not run. By default trees over many users predict what is left of the user's mean.",
    "sample_trees": "Trees for one user, whose tree asks about the most attributes: the one tree for everybody, the "
    "tree that the hypernetwork grows for this user with a fixed structure, and the one with a dynamic structure, "
    "which ends where a rule would split nothing.",
    "user_tree": "The tree of the same user (at most four levels of it): what each rule asks, how many of the user's "
    "ratings came to each node, and the rating it predicts.",
    "truth": "The same user's true tree (generated data) beside the one that the hypernetwork grew from the user's "
    "ratings.",
    "attributes": "Which attribute the users' trees ask about first, and at each depth.",
    "support": "Error against the number of ratings that the user had given: trees grown by the hypernetwork, trees "
    "fitted to the user alone, and SVD.",
    "calibration": "Mean rating given against rating predicted, in tenths of the test ratings, for soft and hard "
    "routing.",
    "depth": "Error on the test ratings when the same trained network grows shallower or deeper trees than it was "
    "trained for, beside trees fitted to each user alone.",
    "embedding": "What the hypernetwork makes of each user (r_all, the mean of its embedded ratings), in the plane of "
    "its two largest principal components; the colour is the attribute that the user's ratings favour most.",
    "learning": "RMSE on the validation ratings, by which weights are chosen, against seconds of training on this "
    "machine.",
}
COMMANDS = {
    "recommend": "grow a tree from a handful of your ratings and say what you will like, and why",
}
