"""The kept classifier says what scikit-learn's says."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.svm import SVC

from hypernet.lab.errors import UserError
from hypernet.superres.core.classifier import read_classifier, train_classifier


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_it_says_what_scikit_learn_says(classes, tmp_path):
    digits = load_digits(n_class=classes)
    images, labels = digits.images / 16, digits.target
    # A wide kernel: many images are near the border between two classes.
    classifier = train_classifier(images[::3], labels[::3], penalty=0.5, gamma=0.02)
    machine = SVC(C=0.5, gamma=0.02).fit(images[::3].reshape(len(images[::3]), -1), labels[::3])
    expected = machine.predict(images.reshape(len(images), -1))
    np.testing.assert_array_equal(classifier(images), expected)
    assert (expected != labels).any() or classes == 2
    classifier.save(tmp_path / "classifier.npz")
    np.testing.assert_array_equal(read_classifier(tmp_path / "classifier.npz")(images), expected)


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "classifier.npz"
    path.write_bytes(b"PK nothing")
    with pytest.raises(UserError, match=r"classifier\.npz.*prepare again"):
        read_classifier(path)
