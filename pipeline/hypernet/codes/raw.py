"""Raw data: a parity-check matrix, built by formula, from the published database, or the user's own file."""

from __future__ import annotations

from pathlib import Path

from hypernet.codes.config import RawSettings
from hypernet.codes.sources.alist import read_parity_check, write_alist
from hypernet.codes.sources.matrices import MATRICES, construct, validate
from hypernet.lab.files import empty
from hypernet.lab.manifest import write_manifest

FILE = "parity_check.alist"

# The copy of the channel code database of RPTU Kaiserslautern (Helmling et al. 2019) that the papers used.
DATABASE = "https://raw.githubusercontent.com/yoniLc/ECCT/361b9910e8429a7a77af8153a91ca87818067092/Codes_DB/{file}"


def make(dataset: str, out: Path, settings: RawSettings) -> None:
    """Write the parity-check matrix of ``dataset`` to ``out`` as an alist file, with a manifest.

    Raises:
        UserError: the user's file cannot be read, or the database's file cannot be had.
    """
    if settings.matrix is not None:
        parity_check = read_parity_check(Path(settings.matrix))
        validate(parity_check, settings.matrix)
        origin = settings.matrix
    elif settings.source == "database":
        from hypernet.lab.acquire import RemoteFile, acquire

        published = MATRICES[dataset]
        remote = RemoteFile(
            name=published.database_file,
            url=DATABASE.format(file=published.database_file),
            sha256=published.database_sha256,
            licence="MIT (ECCT repository); the database itself states none",
            citation="Helmling et al., Database of Channel Codes and ML Simulation Results, 2019",
        )
        parity_check = read_parity_check(acquire(remote))
        origin = remote.url
    else:
        parity_check = construct(dataset)
        origin = "construction"
    empty(out)
    write_alist(out / FILE, parity_check)
    write_manifest(out, {"origin": origin, "shape": list(parity_check.shape)})
