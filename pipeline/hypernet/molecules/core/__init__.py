"""Molecules, their graphs, units and targets, and the message passing that all networks share."""
