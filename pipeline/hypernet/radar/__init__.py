"""The next radar image: a network reads four images and writes the filters that move the last one.

After B. Klein, L. Wolf and Y. Afek, "A Dynamic Convolutional Layer for Short Range Weather Prediction", CVPR 2015.
`docs/radar.md` has the equations, the data and what was measured.
"""
