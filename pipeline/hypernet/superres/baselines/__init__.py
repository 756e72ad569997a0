"""The rows beside the hypernetwork: resampling, networks of one scale, and functions with shared weights."""
