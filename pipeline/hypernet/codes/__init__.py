"""Error-correcting-code decoders: belief propagation whose variable update is written by a hypernetwork.

Nachmani & Wolf, "Hyper-Graph-Network Decoders for Block Codes", NeurIPS 2019, arXiv 1909.09036.
"""
