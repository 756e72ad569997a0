"""Explainable recommendation: a hypernetwork grows a decision tree for every user.

E. Shulman, L. Wolf, "Meta Decision Trees for Explainable Recommendation Systems", AIES 2020, arXiv 1912.09140.
"""
