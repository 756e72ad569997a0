"""The page."""
from pathlib import Path
def write_page(results: Path, out: Path) -> None:
    """Write the page."""
    out.write_text("page")
