"""ICC profiles against LittleCMS, and colours out and back without loss."""

from __future__ import annotations

import io
import struct
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from hypernet.lab.errors import UserError
from hypernet.retouch.core.colour_map import ColourMap
from hypernet.retouch.core.degradation import to_linear
from hypernet.retouch.core.pixels import apply_maps
from hypernet.retouch.sources.formats.profiles import (
    SRGB_CURVE,
    PowerCurve,
    ProfileError,
    made_profile,
    read_profile,
    stated_profile,
)
from hypernet.retouch.sources.formats.wide_colours import (
    beyond_srgb,
    from_extended,
    grey_to_srgb,
    srgb_profile,
    tables_to_srgb,
    to_extended,
)
from tests.retouch.icc import COLORANTS, SRGB, WIDE, fixed, gamma, icc, matrix_icc, parametric, table, tables_icc

GREY = icc({b"kTRC": gamma(1.8)}, space=b"GRAY")


def levels(dtype=np.uint8, rows=40, seed=0):
    """All kinds of colours: random, dark, the corners, and channels that are dark beside bright ones."""
    random, white = np.random.default_rng(seed), np.iinfo(dtype).max
    colours = random.integers(0, white + 1, (rows, 50, 3))
    colours[: rows // 4] //= 20
    ends = [0, 1, 2, white // 300, white - 1, white]
    colours[-rows // 4 :] = random.choice(ends, (rows // 4, 50, 3))
    return colours.astype(dtype)


def by_littlecms(pixels, profile, flags=ImageCms.Flags.NONE):
    source, target = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    image = Image.fromarray(pixels)
    converted = ImageCms.profileToProfile(image, source, target, intent, outputMode="RGB", flags=flags)
    return np.asarray(converted).astype(int)


@pytest.mark.parametrize("name", WIDE)
def test_colours_are_littlecms_to_a_level(name):
    profile, pixels = read_profile(WIDE[name]), levels()
    extended = to_extended(pixels, profile)
    assert profile.name == name
    assert not profile.is_srgb
    assert np.abs(np.rint(255 * np.clip(extended, 0, 1)) - by_littlecms(pixels, WIDE[name])).max() <= 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("name", WIDE)
def test_colours_go_out_and_back(name, dtype):
    profile, pixels = read_profile(WIDE[name]), levels(dtype)
    extended = to_extended(pixels, profile)
    assert extended.dtype == np.float32
    assert extended.min() < -0.1
    assert extended.max() > 1.05
    back = from_extended(extended, profile, dtype, pixels)
    assert back.dtype == dtype
    assert np.array_equal(back, pixels)
    if dtype == np.uint8 and name != "a table":
        assert np.array_equal(from_extended(extended, profile, dtype), pixels)


def test_only_pixels_that_changed_change():
    profile, pixels = read_profile(WIDE["Adobe RGB"]), levels(np.uint16)
    changed = to_extended(pixels, profile)
    changed[::2] += 0.02
    back = from_extended(changed, profile, np.uint16, pixels)
    assert np.array_equal(back[1::2], pixels[1::2])
    unaided = from_extended(changed, profile, np.uint16)
    assert np.array_equal(back[::2], unaided[::2])
    assert (back[::2] != pixels[::2]).any(axis=-1).mean() > 0.9


@pytest.mark.parametrize(
    "profile",
    [
        srgb_profile(),
        matrix_icc("sRGB", parametric(SRGB)),
        matrix_icc("sRGB", table(SRGB_CURVE(np.linspace(0, 1, 1024)))),
    ],
)
def test_srgb_is_known(profile):
    assert read_profile(profile).is_srgb


@pytest.mark.parametrize("profile", [matrix_icc("sRGB", gamma(2.2)), matrix_icc("sRGB", gamma(1)), *WIDE.values()])
def test_what_is_not_srgb_is_not_taken_for_it(profile):
    assert not read_profile(profile).is_srgb


@given(
    g=st.floats(1, 3),
    knee=st.floats(0, 0.2),
    slope=st.floats(0.05, 1),
    values=st.lists(st.floats(0, 1), min_size=4, max_size=4),
)
def test_curves_are_undone(g, knee, slope, values):
    # Joined at the knee, as curves of profiles are: straight below, a power above.
    a, b = 1 - knee / 2, knee / 2
    curve = PowerCurve(g, a, b, slope, knee, e=slope * knee - (a * knee + b) ** g)
    encoded = np.array(values)
    linear = curve(encoded)
    inner = (linear > 1e-6) & (linear < 1)
    np.testing.assert_allclose(curve.inverse(linear)[inner], encoded[inner], atol=1e-6)


@pytest.mark.parametrize(
    "numbers", [[2.2], [2.2, 0.9, 0.1], [2.0, 0.9, 0.05, 0.04], SRGB, [2.4, 0.94, 0.05, 0.07, 0.04, 0.01, 0.003]]
)
def test_every_parametric_function_is_littlecms(numbers):
    profile = matrix_icc("sRGB", parametric(numbers))
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, axis=2).repeat(8, axis=1)
    extended = to_extended(ramp, read_profile(profile))
    assert np.abs(np.rint(255 * np.clip(extended, 0, 1)) - by_littlecms(ramp, profile)).max() <= 1


def test_grey_is_littlecms_and_keeps_its_depth():
    profile = read_profile(GREY)
    ramp = np.arange(256, dtype=np.uint8).repeat(8).reshape(256, 8)
    assert np.abs(grey_to_srgb(ramp, profile).astype(int)[..., None] - by_littlecms(ramp, GREY)).max() <= 1
    deep = grey_to_srgb(np.array([[0, 30000, 65535]], np.uint16), profile)
    assert deep.dtype == np.uint16
    expected = 1.055 * (30000 / 65535) ** (1.8008 / 2.4) - 0.055
    np.testing.assert_allclose(deep / 65535, [[0, expected, 1]], atol=1e-3)


def test_tables_are_left_to_littlecms():
    profile, pixels = read_profile(tables_icc()), levels()
    assert not profile.curves
    converted = tables_to_srgb(pixels, profile)
    black_to_black = by_littlecms(pixels, tables_icc(), ImageCms.Flags.BLACKPOINTCOMPENSATION)
    assert np.abs(converted.astype(int) - black_to_black).max() <= 1
    assert np.abs(converted.astype(int) - pixels).max() > 6


def test_profiles_that_are_made_are_littlecms():
    wide = stated_profile(12, 13)
    assert wide is not None
    opened = ImageCms.ImageCmsProfile(io.BytesIO(wide.data)).profile
    assert "H.273 primaries 12" in opened.profile_description
    assert ImageCms.getProfileName(ImageCms.ImageCmsProfile(io.BytesIO(wide.data))).strip() == wide.name
    np.testing.assert_allclose(opened.red_colorant[0], COLORANTS["Display P3"][0], atol=2e-4)
    pixels = levels()
    assert np.abs(to_extended(pixels, wide) - to_extended(pixels, read_profile(WIDE["Display P3"]))).max() < 3e-3
    assert np.abs(np.rint(255 * np.clip(to_extended(pixels, wide), 0, 1)) - by_littlecms(pixels, wide.data)).max() <= 1


def test_stated_colours():
    assert stated_profile(1, 13) is stated_profile(2, 2) is stated_profile(1, 1) is None
    linear = stated_profile(1, 8)
    assert linear is not None
    assert linear.curves[0](0.5) == 0.5
    for primaries, transfer, reason in ((9, 16, "PQ"), (9, 18, "HLG"), (22, 13, "primaries 22")):
        with pytest.raises(UserError, match=reason):
            stated_profile(primaries, transfer)
    with pytest.raises(ProfileError, match="span no colours"):
        made_profile("flat", [(0.3, 0.3), (0.3, 0.3), (0.3, 0.3)], (0.3, 0.3), SRGB_CURVE)
    with pytest.raises(ProfileError, match="span no colours"):
        made_profile("zero", [(0.3, 0), (0.3, 0.3), (0.2, 0.3)], (0.3, 0.3), SRGB_CURVE)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not an ICC profile"),
        (bytes(200), "not an ICC profile"),
        (WIDE["ProPhoto"][:-40], "cut off"),
        (WIDE["ProPhoto"][:128] + b"\xff" * 4 + WIDE["ProPhoto"][132:], "tags"),
        (icc({}, space=b"CMYK"), "'CMYK' colours"),
        (matrix_icc("sRGB", gamma(0)), "does not rise"),
        (matrix_icc("sRGB", table(np.linspace(1, 0, 64))), "does not rise"),
        (matrix_icc("sRGB", parametric([0.0, 1, 0])), "does not rise"),
        (matrix_icc("sRGB", b"curv" + bytes(4) + b"\xff" * 4), "cut off"),
        (matrix_icc("sRGB", b"what" + bytes(20)), "type 'what'"),
        (matrix_icc("sRGB", gamma(2.2)).replace(fixed([0.14307, 0.06061, 0.71410]), fixed([0, 0, 0])), "plane"),
    ],
)
def test_a_broken_profile_is_refused(data, reason):
    with pytest.raises(ProfileError, match=reason):
        read_profile(data)


@settings(max_examples=300, deadline=500)
@given(
    source=st.sampled_from([*WIDE.values(), GREY, tables_icc()]),
    places=st.lists(st.tuples(st.integers(0, 700), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, 700),
)
def test_damaged_profiles_are_refused_or_usable(source, places, cut):
    data = bytearray(source)
    for place, value in places:
        data[place % len(data)] = value
    data = data[: len(data) - (cut if cut < 60 else 0)]
    try:
        profile = read_profile(bytes(data))
    except ProfileError:
        return
    if profile.matrix is not None:
        pixels = levels(rows=8)
        extended = to_extended(pixels, profile)
        assert np.isfinite(extended).all()
        from_extended(extended, profile, np.uint8, pixels)
    elif profile.curves:
        assert grey_to_srgb(np.zeros((2, 2), np.uint8), profile).shape == (2, 2)


def test_tags_that_name_the_same_megabytes_take_no_memory():
    body, count = bytes(2**22), 200
    entries = b"".join(struct.pack(">4sII", b"%04d" % tag, 132, len(body)) for tag in range(count))
    head = bytes(16) + b"RGB XYZ " + bytes(12) + b"acsp" + bytes(88)
    data = head + struct.pack(">I", count) + entries + body
    data = struct.pack(">I", len(data)) + data[4:]
    tracemalloc.start()
    try:
        read_profile(data)
        assert tracemalloc.get_traced_memory()[1] < 2**22
    finally:
        tracemalloc.stop()


def test_a_curve_of_more_numbers_than_levels_is_refused():
    with pytest.raises(ProfileError, match="a tone curve of 65,537 numbers"):
        read_profile(matrix_icc("Display P3", table(np.linspace(0, 1, 2**16 + 1))))
    assert read_profile(matrix_icc("Display P3", table(np.linspace(0, 1, 2**16)))).curves


def test_a_gradient_that_leaves_srgb_stays_smooth_under_a_map():
    share = np.linspace(0, 1, 2001, dtype=np.float32)[:, None]
    yellow, green = np.array([0.9, 0.9, 0.2], np.float32), np.array([-0.35, 0.9, 0.1], np.float32)
    before = ((1 - share) * yellow + share * green)[None]
    look = ColourMap.identity().then_affine(np.array([[0.8, 0, 0, 0.05], [0, 1.1, 0, -0.02], [0, 0, 0.9, 0]]))
    made = apply_maps(np.clip(before, 0, 1), [look], clamp=False)
    carried = beyond_srgb(before, made.copy())
    # In light: near black the encoding itself is steep.
    steps = [np.abs(np.diff(to_linear(torch.from_numpy(colours).abs()).numpy() * np.sign(colours), axis=1)).max()
             for colours in (carried, before)]  # fmt: skip
    assert steps[0] < 2 * steps[1]
    # Inside sRGB it is the map, and what nothing changed is the same to the last bit.
    inside = (before >= 0).all(axis=2) & (before <= 1).all(axis=2)
    np.testing.assert_array_equal(carried[inside], made[inside])
    unchanged = beyond_srgb(before, np.clip(before, 0, 1))
    np.testing.assert_array_equal(unchanged, before)
