"""Error-correcting-code decoders: belief propagation whose variable update is written by a hypernetwork.

Nachmani & Wolf, "Hyper-Graph-Network Decoders for Block Codes", NeurIPS 2019, arXiv 1909.09036. `docs/codes.md` has the
equations, the data and what was measured.

- `decode`, `decode_stream`: channel values in, bits out.
- `curve`: error rates of belief propagation, and of a trained decoder, on any code.
- `export`: a trained decoder as an ONNX file.
- `open_model`: a trained decoder from its file.
- `Code`, `TannerGraph`, `construct`, `read_parity_check`, `write_alist`: codes and their parity-check matrices.

A name is imported when it is first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
