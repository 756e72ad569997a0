"""A mesh to look at: a picture, a turntable as GIF, and a page that turns it in the browser without a network."""

from __future__ import annotations

import html
from pathlib import Path

import numpy as np

from hypernet.lab.errors import UserError
from hypernet.lab.files import atomic_path, write_text
from hypernet.lab.libraries import library
from hypernet.shapes.core.cameras import FIELD_OF_VIEW, Camera
from hypernet.shapes.core.rendering import Scene
from hypernet.shapes.core.solids import Mesh

# Endings by what is written.
ENDINGS = {"picture": ".png", "turntable": ".gif", "page": ".html"}
COLOUR = (0.48, 0.62, 0.78)
BACKGROUND = (255, 255, 255)
AZIMUTH, ELEVATION = 35.0, 22.0
PICTURE_SIZE = 640
TURNTABLE_SIZE, FRAMES, MILLISECONDS = 240, 30, 100
# One colour in all its shades: more of them are larger files that look the same.
SHADES = 48
# Share of the colour on the page, whose lamps are brighter.
BRIGHTNESS = 0.7
CAPTION = (
    "position: absolute; left: 0; bottom: 0; margin: 1em; max-width: 40em; white-space: pre-line;"
    " font: 14px/1.5 system-ui, sans-serif; color: #333; pointer-events: none"
)


def view(mesh: Mesh, size: int = PICTURE_SIZE, azimuth: float = AZIMUTH, elevation: float = ELEVATION) -> np.ndarray:
    """A picture of a mesh of the canonical cube, uint8 RGBA ``[size, size, 4]`` on a transparent ground.

    Args:
        mesh: in the cube [-1, 1]³.
        size: pixels on a side.
        azimuth: degrees from the front towards x.
        elevation: degrees above the horizon.
    """
    return _scene(mesh).render(Camera.orbit(azimuth, elevation), size)


def turntable(mesh: Mesh, size: int = TURNTABLE_SIZE, frames: int = FRAMES) -> list[np.ndarray]:
    """Pictures all around a mesh, one turn, each as ``view``."""
    scene = _scene(mesh)
    turns = AZIMUTH + np.arange(frames) * 360 / frames
    return [scene.render(Camera.orbit(float(turn), ELEVATION), size) for turn in turns]


def write_picture(path: str | Path, mesh: Mesh, size: int = PICTURE_SIZE) -> None:
    """Write one view of a mesh as PNG, transparent where it is not.

    Raises:
        UserError: another ending, or a folder.
    """
    write_image(output_file("picture", path), view(mesh, size))


def write_image(path: Path, pixels: np.ndarray) -> None:
    """Write uint8 pixels ``[h, w, 3 or 4]`` as PNG, whole or not at all."""
    image = library("PIL.Image", "pillow", "shapes")
    with atomic_path(path) as temporary:
        image.fromarray(pixels).save(temporary, format="PNG")


def write_turntable(path: str | Path, mesh: Mesh, size: int = TURNTABLE_SIZE, frames: int = FRAMES) -> None:
    """Write a turning mesh as an animated GIF that goes on for ever.

    Raises:
        UserError: another ending, or a folder.
    """
    path = output_file("turntable", path)
    image = library("PIL.Image", "pillow", "shapes")
    pictures = [image.fromarray(on_ground(pixels)) for pixels in turntable(mesh, size, frames)]
    # One palette for all, so that no colour flickers: of all frames side by side.
    sample = image.fromarray(np.concatenate([np.asarray(picture)[::3, ::3] for picture in pictures]))
    palette = sample.quantize(SHADES)
    first, *others = [picture.quantize(palette=palette, dither=image.Dither.NONE) for picture in pictures]
    with atomic_path(path) as temporary:
        first.save(
            temporary, format="GIF", save_all=True, append_images=others, duration=MILLISECONDS, loop=0, disposal=1
        )


def write_page(path: str | Path, mesh: Mesh, title: str, caption: str) -> None:
    """Write one HTML file that shows a mesh and turns it with the mouse; it fetches nothing (three.js is inside).

    Args:
        path: ``.html``.
        mesh: in the cube [-1, 1]³.
        title: of the page.
        caption: what stands below the mesh; its line breaks stay.

    Raises:
        UserError: another ending, a folder, or trimesh is missing.
    """
    path = output_file("page", path)
    trimesh = library("trimesh", "trimesh", "shapes")
    notebook = library("trimesh.viewer.notebook", "trimesh", "shapes")
    solid = trimesh.Trimesh(mesh.vertices, mesh.triangles, process=False)
    # As bright as the pictures are under the page's own lamps.
    material = trimesh.visual.material.PBRMaterial(
        baseColorFactor=[*(BRIGHTNESS * np.array(COLOUR)), 1.0], metallicFactor=0.0, roughnessFactor=0.9
    )
    solid.visual = trimesh.visual.TextureVisuals(material=material)
    # Asked for before the export, normals of vertices are part of it: faces are then shaded smoothly.
    _ = solid.vertex_normals
    scene = solid.scene()
    right, up, ahead = (camera := Camera.orbit(AZIMUTH, ELEVATION)).axes()
    pose = np.eye(4)
    pose[:3] = np.stack([right, up, -ahead, np.asarray(camera.eye)], axis=1)
    scene.camera.fov = (FIELD_OF_VIEW, FIELD_OF_VIEW)
    scene.camera_transform = pose
    page = notebook.scene_to_html(scene)
    text = html.escape(caption)
    for old, new in (
        ("<title>trimesh: threejs viewer</title>", f"<title>{html.escape(title)}</title>"),
        ('<div id="container"></div>', f'<div id="container"></div>\n    <p style="{CAPTION}">{text}</p>'),
    ):
        page = page.replace(old, new, 1)
    write_text(path, page)


def on_ground(pixels: np.ndarray) -> np.ndarray:
    """RGBA ``[..., 4]`` on a white ground, uint8 RGB ``[..., 3]``."""
    share = pixels[..., 3:].astype(np.float32) / 255
    mixed: np.ndarray = np.round(pixels[..., :3] * share + np.asarray(BACKGROUND, np.float32) * (1 - share))
    return mixed.astype(np.uint8)


def output_file(content: str, path: str | Path) -> Path:
    """A path that a ``picture``, a ``turntable`` or a ``page`` can be written to.

    Raises:
        UserError: another ending, or a folder.
    """
    path = Path(path)
    if path.suffix != ENDINGS[content]:
        raise UserError(f"{path}: the name of a {content} must end in {ENDINGS[content]}")
    if path.is_dir():
        raise UserError(f"{path}: this is a folder; name a file")
    return path


def _scene(mesh: Mesh) -> Scene:
    return Scene(mesh.vertices, mesh.triangles, np.array(COLOUR))
