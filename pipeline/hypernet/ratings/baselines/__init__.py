"""The methods that meta trees are compared with: means, trees of scikit-learn, factorisations of Surprise."""
