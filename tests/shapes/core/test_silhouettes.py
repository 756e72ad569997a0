from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hypernet.shapes.core.cameras import Camera
from hypernet.shapes.core.decoder import functional_decoder
from hypernet.shapes.core.rendering import Scene
from hypernet.shapes.core.silhouettes import OUTSIDE, crossing, pixel_rays, silhouette_logits

angles = st.floats(-180, 180)


@settings(max_examples=30)
@given(angles, st.floats(-80, 80), st.floats(2, 6), st.floats(-30, 30))
def test_rays_are_those_of_the_camera(azimuth, elevation, distance, roll):
    orbit = Camera.orbit(azimuth, elevation, distance)
    camera = Camera(orbit.eye, orbit.target, orbit.focal, roll)
    size = 7
    pixels = np.stack(np.meshgrid(np.arange(size), np.arange(size), indexing="ij"), axis=-1).reshape(1, -1, 2)
    origins, directions = pixel_rays(camera.as_row()[None], pixels, size)
    expected_origins, expected = camera.rays(size, size)
    np.testing.assert_allclose(directions[0], expected, atol=2e-6)
    np.testing.assert_allclose(np.broadcast_to(origins[0], expected.shape), expected_origins, atol=1e-6)


def ball_rays(size=24):
    camera = Camera.orbit(30, 20)
    pixels = np.stack(np.meshgrid(np.arange(size), np.arange(size), indexing="ij"), axis=-1).reshape(1, -1, 2)
    origins, directions = pixel_rays(camera.as_row()[None], pixels, size)
    return torch.from_numpy(origins), torch.from_numpy(directions)


def test_a_ball_casts_the_silhouette_of_a_ball():
    origins, directions = ball_rays()
    offsets = torch.full((1, directions.shape[1], 256), 0.5)
    logits = silhouette_logits(lambda points: 0.6 - points.norm(dim=-1), origins, directions, offsets)
    # The distance of a ray from the centre, in closed form.
    nearest = torch.linalg.cross(origins.expand_as(directions), directions).norm(dim=-1)
    certain = (nearest - 0.6).abs() > 1e-3
    assert ((logits > 0) == (nearest < 0.6))[certain].all()
    # Where the nearest point lies in the cube at all.
    hit = nearest < 0.9
    torch.testing.assert_close(logits[hit], 0.6 - nearest[hit], atol=1e-3, rtol=0)


def test_the_cube_is_entered_and_left_where_its_faces_are():
    origins = torch.tensor([[[0.0, 0.0, 3.0]]])
    directions = torch.tensor([[[0.0, 0.0, -1.0], [0.0, 1.0, 0.0]]])
    enter, leave = crossing(origins, directions)
    torch.testing.assert_close((enter[0, 0], leave[0, 0]), (torch.tensor(2.0), torch.tensor(4.0)))
    assert leave[0, 1] <= enter[0, 1], "a ray that misses"


def test_the_gradient_is_that_of_all_samples_at_once():
    """Only the largest sample goes through the network twice: the maximum over all of them has the same gradient."""
    torch.manual_seed(0)
    network = functional_decoder(8, 4).double()
    theta = torch.randn(2, network.parameter_count, dtype=torch.float64).requires_grad_()
    origins, directions = (
        tensor[:, :40].double() if tensor.shape[1] > 1 else tensor.double() for tensor in ball_rays()
    )
    directions = directions.expand(2, -1, -1)
    offsets = torch.rand(2, 40, 16, dtype=torch.float64)

    def decode(points):
        return network(points, theta).squeeze(-1)

    ours = silhouette_logits(decode, origins, directions, offsets)
    enter, leave = crossing(origins, directions)
    share = (torch.arange(16) + offsets) / 16
    distance = enter[..., None] + (leave - enter).clamp_min(0)[..., None] * share
    points = (origins[..., None, :] + distance[..., None] * directions[..., None, :]).clamp(-1, 1)
    whole = decode(points.flatten(1, 2)).unflatten(1, (40, 16)).amax(dim=-1)
    whole = torch.where(leave > enter, whole, torch.full_like(whole, OUTSIDE))
    torch.testing.assert_close(ours, whole)
    weights = torch.randn_like(ours)
    (first,) = torch.autograd.grad((ours * weights).sum(), theta)
    (second,) = torch.autograd.grad((whole * weights).sum(), theta)
    torch.testing.assert_close(first, second)


def test_a_mirrored_object_has_the_mirrored_rays_silhouette():
    """What the training does to half of a batch: everything in space is mirrored, the picture's opacity stays."""
    box = np.array([[x, y, z] for x in (0.1, 0.8) for y in (-0.3, 0.3) for z in (-0.2, 0.4)])
    faces = np.array([[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1], [2, 3, 7], [2, 7, 6], [0, 2, 6],
                      [0, 6, 4], [1, 5, 7], [1, 7, 3]])  # fmt: skip
    camera = Camera.orbit(50, 27)
    seen = Scene(box, faces, np.ones(3)).silhouette(camera, 32)
    pixels = np.stack(np.meshgrid(np.arange(32), np.arange(32), indexing="ij"), axis=-1).reshape(1, -1, 2)
    origins, directions = pixel_rays(camera.as_row()[None], pixels, 32)
    origins[..., 0] *= -1
    directions[..., 0] *= -1
    lowest, highest = torch.tensor([-0.8, -0.3, -0.2]), torch.tensor([-0.1, 0.3, 0.4])

    def inside(points):
        return torch.minimum(points - lowest, highest - points).amin(dim=-1)

    offsets = torch.full((1, 32 * 32, 512), 0.5)
    logits = silhouette_logits(inside, torch.from_numpy(origins), torch.from_numpy(directions), offsets)
    assert ((logits[0] > 0).numpy().reshape(32, 32) != seen).mean() < 0.005
