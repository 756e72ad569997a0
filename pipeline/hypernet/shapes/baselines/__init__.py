"""The methods that the hypernetwork is compared with: without a network, without generated weights, voxels, points."""
