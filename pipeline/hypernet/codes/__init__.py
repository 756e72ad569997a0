"""Error-correcting-code decoders: belief propagation whose variable update is written by a hypernetwork.

Nachmani & Wolf, "Hyper-Graph-Network Decoders for Block Codes", NeurIPS 2019, arXiv 1909.09036. `docs/codes.md` has the
equations, the data and what was measured.

- `decode`, `decode_stream`: channel values in, bits out, by a trained decoder or, on any code, by belief propagation.
- `encode`: information bits in, words of a code out.
- `curve`: error rates of belief propagation, min-sum, and a trained decoder, on any code.
- `export`: a trained decoder as an ONNX file.
- `open_model`, `plain_decoder`: a trained decoder from its file, and one that needs no training.
- `Code`, `Transmission`, `TannerGraph`, `construct`, `read_parity_check`, `write_alist`: codes and their matrices.

A name is imported when it is first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
