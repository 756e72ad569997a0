"""The page before and after: what stands in it, and what it does in a browser."""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
import json
import os
import re
import shutil
import subprocess
import time

import numpy as np
import pytest
from PIL import Image

from hypernet.lab.errors import UserError
from hypernet.retouch.core.adjustments import Adjustments, adjusted
from hypernet.retouch.core.colour_map import BASES, ColourMap
from hypernet.retouch.core.lut import lattice
from hypernet.retouch.core.metrics import clipped_share
from hypernet.retouch.core.pixels import apply_maps
from hypernet.retouch.sources.cube_files import read_cube
from hypernet.retouch.sources.map_files import read_map
from hypernet.retouch.tools import page
from hypernet.retouch.tools.page import write_page

HOSTILE = '"><script>hacked=1</script><img src=x onerror=hacked=1>&amp; </script> ü.jpg'
SETTINGS = [
    {},
    {"strength": 0.5, "exposure": 1.0},
    {"strength": 0.0, "temperature": 60.0, "tint": -35.0},
    {"strength": 1.5, "contrast": -40.0, "saturation": 100.0},
    {"strength": 0.37, "exposure": -1.25, "temperature": -100.0, "tint": 80.0, "contrast": 55.0, "saturation": -70.0},
]


def a_map(basis: str = "quadratic", seed: int = 0) -> ColourMap:
    """The identity and a little of everything."""
    start = ColourMap.identity(basis).matrix
    return ColourMap(start + np.random.default_rng(seed).normal(0, 0.15, start.shape))


def a_photograph(rows: int = 40, columns: int = 64) -> np.ndarray:
    """Every level of every channel and many mixtures, uint8."""
    return np.random.default_rng(1).integers(0, 256, (rows, columns, 3), dtype=np.uint8)


def wanted(colour_map: ColourMap, settings: dict[str, float]) -> ColourMap:
    """What Python composes."""
    sliders = {name: value for name, value in settings.items() if name != "strength"}
    return adjusted(colour_map, Adjustments(**sliders), settings.get("strength", 1.0))


# --- the file ---------------------------------------------------------------------------------------------------


def picture_in(text: str) -> Image.Image:
    data = re.search(r'src="data:image/(?:png|jpeg);base64,([^"]+)"', text)[1]
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_it_holds_the_picture_and_asks_for_nothing_else(tmp_path):
    words = write_page(tmp_path / "page.html", a_photograph(), a_map(), title=HOSTILE)
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert re.fullmatch(r"a page before and after, \d\.\d MB", words)
    assert np.array_equal(np.asarray(picture_in(text)), a_photograph())
    references = re.findall(r"""(?:src|href|action)\s*=\s*"([^"]*)|url\(""", text.split("<script>")[0])
    assert [address.partition(";")[0] for address in references] == ["data:image/png"]
    assert "http://" not in text
    assert "https://" not in text
    # A name is text wherever it stands.
    assert text.count("<script") == 2
    assert "<img src=x" not in text


def test_its_policy_names_its_own_script_and_style_and_nothing_else(tmp_path):
    write_page(tmp_path / "page.html", a_photograph(), a_map())
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)[1]
    hashes = [
        base64.b64encode(
            hashlib.sha256(re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)[1].encode()).digest()
        ).decode()
        for tag in ("style", "script")
    ]
    assert policy == (
        f"default-src 'none'; img-src data:; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )
    # What a policy of hashes would not let through.
    assert not re.search(r'\s(style|on\w+)="', text)


def test_large_deep_and_wide_photographs_become_a_preview(tmp_path):
    large = np.zeros((2000, 3001, 3), np.uint16)
    large[:1000] = (65535, 32896, 0)
    write_page(tmp_path / "page.html", large, a_map())
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    preview = np.asarray(picture_in(text))
    assert preview.shape == (853, 1280, 3)
    assert preview[100, 100].tolist() == [255, 128, 0]
    assert "3001 x 2000 pixels; shown here: 1280 x 853" in text
    wide = np.full((10, 8, 3), (-0.2, 0.5, 1.3), np.float32)
    write_page(tmp_path / "page.html", wide, a_map())
    preview = np.asarray(picture_in((tmp_path / "page.html").read_text(encoding="utf-8")))
    assert preview[3, 3].tolist() == [0, 128, 255]


def test_what_png_makes_large_is_a_jpeg_without_subsampling(tmp_path, monkeypatch):
    monkeypatch.setattr(page, "LARGEST_PNG", 5000)
    write_page(tmp_path / "page.html", a_photograph(), a_map())
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    picture = picture_in(text)
    assert picture.format == "JPEG"
    assert {layer[1:3] for layer in picture.layer} == {(1, 1)}
    # JPEG has no opacity.
    opacity = np.full((40, 64), 100, np.uint8)
    write_page(tmp_path / "page.html", a_photograph(), a_map(), opacity=opacity)
    picture = picture_in((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert (picture.format, picture.mode) == ("PNG", "RGBA")
    assert np.array_equal(np.asarray(picture)[..., 3], opacity)


def test_other_endings_are_refused(tmp_path):
    for name in ("page.txt", "page"):
        with pytest.raises(UserError, match=r"must end in \.html or \.htm"):
            write_page(tmp_path / name, a_photograph(), a_map())
    assert list(tmp_path.iterdir()) == []


# --- in a browser -----------------------------------------------------------------------------------------------


class Browser:
    """Chromium without a window, driven over a pipe (the DevTools protocol), so that the page's policy stays whole."""

    FLAGS = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
        "--disable-component-update --disable-sync --remote-debugging-pipe"
    )

    def __init__(self, program: str, profile: str):
        commands, self._commands = os.pipe()
        self._answers, answers = os.pipe()

        def connect() -> None:
            # Chromium reads from 3 and writes to 4; the ends may have these numbers already.
            for end, number in ((os.dup(commands), 3), (os.dup(answers), 4)):
                os.dup2(end, number)

        arguments = [program, *self.FLAGS.split(), f"--user-data-dir={profile}", "about:blank"]
        silence = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(arguments, preexec_fn=connect, close_fds=False, **silence)
        os.close(commands)
        os.close(answers)
        self._numbers, self._bytes, self._session = itertools.count(1), b"", {}
        self.events: list[dict] = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = {"sessionId": self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]}
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def _message(self) -> dict:
        while b"\0" not in self._bytes:
            piece = os.read(self._answers, 2**20)
            assert piece, "the browser has gone"
            self._bytes += piece
        message, _, self._bytes = self._bytes.partition(b"\0")
        return json.loads(message)

    def ask(self, method: str, **parameters) -> dict:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters, **self._session}
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._message()
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def run(self, script: str):
        """The value of an expression."""
        answer = self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def open(self, path, settings: str = "") -> None:
        """A page, when its picture stands; nothing may have gone wrong and nothing been fetched."""
        self.ask("Page.navigate", url="about:blank")
        self.events.clear()
        self.ask("Page.navigate", url=path.as_uri() + settings)
        self.settled("typeof map === 'object'")
        wrong = [event for event in self.events if event["method"] in ("Log.entryAdded", "Runtime.exceptionThrown")]
        assert wrong == []
        asked = [
            event["params"]["request"]["url"] for event in self.events if event["method"] == "Network.requestWillBeSent"
        ]
        assert {url.partition(":")[0] for url in asked} <= {"file", "data", "about"}

    def settled(self, condition: str) -> None:
        """Wait for it, and for what is drawn then."""
        for _ in range(200):
            if self.run(f"(() => {{ try {{ return {condition} }} catch {{ return false }} }})()"):
                break
            time.sleep(0.02)
        else:
            pytest.fail(f"in vain: {condition}")
        self.run("new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")

    def made(self) -> np.ndarray:
        """Pixels of the canvas, uint8 ``[h, w, 4]``."""
        data = self.run(
            "btoa(Array.from(context.getImageData(0, 0, canvas.width, canvas.height).data,"
            " byte => String.fromCharCode(byte)).join(''))"
        )
        size = self.run("[canvas.height, canvas.width, 4]")
        return np.frombuffer(base64.b64decode(data), np.uint8).reshape(size)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()
        os.close(self._commands)
        os.close(self._answers)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("no chromium: the page is not tried in a browser")
    browser = Browser(program, str(tmp_path_factory.mktemp("browser")))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def hostile_page(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "a page.html"
    write_page(path, a_photograph(), a_map(), title=HOSTILE, facts={"method": HOSTILE})
    return path


@pytest.fixture
def opened(browser, hostile_page):
    """The browser with the page of a photograph with a hostile name."""
    browser.open(hostile_page)
    return browser


def move(browser: Browser, settings: dict[str, float]) -> None:
    """The sliders, as a person does it."""
    script = "".join(
        f"$('{name}').value = {value}; $('{name}').dispatchEvent(new Event('input', {{ bubbles: true }}));"
        for name, value in settings.items()
    )
    browser.run(f"$('reset').click(); {script}")
    browser.settled("!waiting")


@pytest.mark.parametrize("settings", SETTINGS)
def test_sliders_compose_the_map_that_python_composes(opened, settings):
    move(opened, settings)
    expected = wanted(a_map(), settings)
    np.testing.assert_allclose(opened.run("map"), expected.matrix, atol=1e-12)
    made = opened.made()
    off = np.abs(made[..., :3].astype(int) - apply_maps(a_photograph(), [expected]))
    # float32 there and float64 here may fall on two sides of a half.
    assert off.max() <= 1
    assert off.mean() < 1e-3
    share = clipped_share(expected(a_photograph() / 255))
    assert f"{100 * share:.1f} % of the channel values" in opened.run("$('state').textContent")
    assert opened.run("folds(map)") == expected.folds
    assert ("Grey folds over" in opened.run("$('state').textContent")) == expected.folds


@pytest.mark.parametrize("basis", BASES)
def test_every_basis_from_the_address(browser, tmp_path, basis):
    colour_map = a_map(basis, 3)
    sliders = Adjustments(contrast=20, tint=12.5)
    write_page(tmp_path / "page.html", a_photograph(), colour_map, strength=0.83, adjustments=sliders)
    browser.open(tmp_path / "page.html")
    np.testing.assert_allclose(browser.run("map"), adjusted(colour_map, sliders, 0.83).matrix, atol=1e-12)
    browser.open(tmp_path / "page.html", "#strength=0.25&exposure=-0.5&tint=oops&map=1&contrast=1e9&saturation=")
    expected = wanted(colour_map, {"strength": 0.25, "exposure": -0.5, "tint": 12.5, "contrast": 100.0})
    np.testing.assert_allclose(browser.run("map"), expected.matrix, atol=1e-12)
    off = np.abs(browser.made()[..., :3].astype(int) - apply_maps(a_photograph(), [expected]))
    assert off.max() <= 1
    assert off.mean() < 1e-3


def test_reset_and_double_click_bring_sliders_back(opened):
    move(opened, {"exposure": 1, "tint": 50})
    opened.run("$('tint').dispatchEvent(new MouseEvent('dblclick', { bubbles: true }))")
    opened.settled("!waiting")
    np.testing.assert_allclose(opened.run("map"), wanted(a_map(), {"exposure": 1}).matrix, atol=1e-12)
    assert opened.run("$('command').textContent").split(" --")[2:] == ["exposure 1", "allow-fold", "out OUT"]
    opened.run("$('reset').click()")
    opened.settled("!waiting")
    np.testing.assert_allclose(opened.run("map"), a_map().matrix, atol=1e-12)


def test_the_divider_moves_by_keys_and_by_hand(opened):
    def press(key: str, shift: bool = False) -> tuple[str, str]:
        event = json.dumps({"key": key, "shiftKey": shift})
        opened.run(f"$('divider').dispatchEvent(new KeyboardEvent('keydown', {event}))")
        return opened.run("[$('divider').getAttribute('aria-valuenow'), canvas.style.clipPath]")

    assert press("Home") == ["0", "inset(0px 0px 0px 0%)"]
    assert press("ArrowLeft") == ["0", "inset(0px 0px 0px 0%)"]
    assert press("ArrowRight")[0] == "2"
    assert press("ArrowRight", shift=True)[0] == "12"
    assert press("PageUp")[0] == "22"
    assert press("End") == ["100", "inset(0px 0px 0px 100%)"]
    assert press("Tab")[0] == "100"
    box = opened.run("$('view').getBoundingClientRect().toJSON()")
    for event, share in (("mousePressed", 0.9), ("mouseMoved", 0.25), ("mouseReleased", 0.25)):
        place = {"x": box["left"] + share * box["width"], "y": box["top"] + box["height"] / 2}
        opened.ask("Input.dispatchMouseEvent", type=event, button="left", buttons=1, clickCount=1, **place)
    assert opened.run("$('divider').getAttribute('aria-valuenow')") == "25"
    # What a reader of screens is told.
    assert opened.run("[...document.querySelectorAll('input')].every(input => input.labels.length === 1)")
    assert opened.run("$('divider').getAttribute('aria-valuetext')") == "25 % before"


def test_a_hostile_name_is_text_and_no_other_script_runs(opened):
    assert opened.run("document.querySelector('h1').textContent") == HOSTILE
    assert opened.run("content.document.facts.method") == HOSTILE
    assert opened.run("document.scripts.length") == 2
    refused = opened.run(
        """new Promise(done => {
          const refused = [];
          addEventListener("securitypolicyviolation", event => {
            refused.push(event.effectiveDirective);
            if (refused.length === 3) done(refused);
          });
          const script = document.createElement("script");
          script.textContent = "hacked = 1";
          document.body.append(script);
          const picture = new Image();
          picture.src = "http://127.0.0.1:9/x.png";
          fetch("http://127.0.0.1:9/").catch(() => {});
        })"""
    )
    assert sorted(refused) == ["connect-src", "img-src", "script-src-elem"]
    assert opened.run("typeof hacked") == "undefined"


def test_its_files_are_those_of_the_program(opened, tmp_path):
    settings = SETTINGS[4]
    move(opened, settings)
    opened.ask("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    expected = wanted(a_map(), settings)
    for button, ending in (("save-matrix", ".json"), ("save-lut", ".cube")):
        opened.run(f"$('{button}').click()")
        for _ in range(250):
            if saved := list(tmp_path.glob(f"*{ending}")):
                break
            time.sleep(0.02)
        else:
            pytest.fail(f"no {ending} came")
        assert re.fullmatch(r"[\w.-]+", saved[0].name)
    (json_file,), (cube_file,) = tmp_path.glob("*.json"), tmp_path.glob("*.cube")
    np.testing.assert_allclose(read_map(json_file).matrix, expected.matrix, atol=1e-12)
    facts = json.loads(json_file.read_text(encoding="utf-8"))["facts"]
    assert facts == {"method": HOSTILE} | settings
    np.testing.assert_allclose(read_cube(cube_file), lattice([expected]), atol=1e-6)


def test_opacity_stays(browser, tmp_path):
    opacity = np.where(np.arange(64) < 32, 255, 0).astype(np.uint8) * np.ones((40, 1), np.uint8)
    write_page(tmp_path / "page.html", a_photograph(), a_map(), opacity=opacity)
    browser.open(tmp_path / "page.html")
    made = browser.made()
    assert np.array_equal(made[..., 3], opacity)
    off = np.abs(made[:, :32, :3].astype(int) - apply_maps(a_photograph(), [a_map()])[:, :32])
    assert off.max() <= 1


def test_it_fits_a_telephone(browser, tmp_path):
    write_page(tmp_path / "page.html", a_photograph(400, 900), a_map(), title="x" * 150)
    browser.open(tmp_path / "page.html")
    for width, height in ((360, 740), (740, 360), (1440, 900)):
        browser.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 1000
        )
        widest, left, right = browser.run(
            "[document.documentElement.scrollWidth, $('view').getBoundingClientRect().left,"
            " $('view').getBoundingClientRect().right]"
        )
        assert widest <= width
        assert 0 <= left < right <= width
        # As large as a finger.
        assert browser.run("Math.min(...[...document.querySelectorAll('button')].map(e => e.offsetHeight))") >= 40
    browser.ask("Emulation.clearDeviceMetricsOverride")
