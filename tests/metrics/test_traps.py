"""Where numbers that contradict each other come from: every metric refuses it, or gives the one number."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from scotopic.errors import ScoreError
from scotopic.metrics import METRICS, gt_mean, luma, psnr, ssim

SIDE = 200
ONE = [metric for metric in METRICS.values() if metric.needs == "out"]
TWO = [metric for metric in METRICS.values() if metric.needs != "out"]


def by_name(metrics):
    return pytest.mark.parametrize("metric", metrics, ids=lambda metric: metric.name)


@pytest.fixture
def picture():
    rng = np.random.default_rng(0)
    return 0.1 + 0.8 * rng.random((SIDE, SIDE, 3))


def scored(metric, image, other=None):
    """With `image` in every place, or `other` in that of what it is compared with."""
    other = image if other is None else other
    return metric.score(out=image, target=other, low=other)


@by_name(METRICS.values())
def test_every_metric_says_what_it_is(metric, picture):
    assert METRICS[metric.name] is metric
    assert metric.source
    assert metric.gt_mean <= (metric.needs == "both")
    least, most = metric.range
    score = scored(metric, picture, picture[::-1])
    assert isinstance(score, float)
    assert least <= score <= most


@by_name(TWO)
def test_equal_pictures_are_perfect_and_noise_is_worse(metric, picture):
    best = scored(metric, picture)
    noise = np.random.default_rng(1).standard_normal(picture.shape)
    worse = [scored(metric, np.clip(picture + sigma * noise, 0, 1), picture) for sigma in (0.05, 0.2)]
    if metric.better == "higher":
        assert best == pytest.approx(metric.range[1])
        assert best > worse[0] > worse[1]
    else:
        assert best == pytest.approx(0, abs=1e-4)
        assert abs(worse[0]) < abs(worse[1])


@by_name(METRICS.values())
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_integers_are_refused(metric, dtype):
    # Differences of bytes wrap around: 0 - 1 is 255.
    with pytest.raises(ScoreError, match="Divide by 255 or 65535"):
        scored(metric, np.zeros((SIDE, SIDE, 3), dtype))


@by_name(METRICS.values())
@pytest.mark.parametrize(
    "spoil",
    [lambda x: 255 * x, lambda x: 2 * x - 1, lambda x: np.where(x > 0.8, np.nan, x), lambda x: x / (x > 0.2)],
    ids=["255", "-1 to 1", "nan", "inf"],
)
def test_other_ranges_are_refused(metric, picture, spoil):
    with np.errstate(divide="ignore"):
        spoilt = spoil(picture)
    with pytest.raises(ScoreError, match=r"must be sRGB in \[0, 1\], got values from"):
        scored(metric, spoilt)


@by_name(METRICS.values())
@pytest.mark.parametrize("shape", [(SIDE, SIDE), (SIDE, SIDE, 4), (SIDE, SIDE, 2), (1, SIDE, SIDE, 3), (0, SIDE, 3)])
def test_alpha_and_other_shapes_are_refused(metric, shape):
    with pytest.raises(ScoreError, match="with alpha"):
        scored(metric, np.full(shape, 0.5))


@by_name(TWO)
@pytest.mark.parametrize("shape", [(SIDE - 1, SIDE, 3), (2 * SIDE, 2 * SIDE, 3), (SIDE, SIDE, 1)])
def test_nothing_is_resized_cropped_or_repeated(metric, picture, shape):
    with pytest.raises(ScoreError, match=r"one shape|the shape"):
        scored(metric, picture, np.full(shape, 0.5))


@by_name([metric for metric in METRICS.values() if metric.least_px > 1])
def test_too_small_is_refused_and_small_enough_is_not(metric, picture):
    least = metric.least_px
    scored(metric, picture[:least, :least])
    with pytest.raises(ScoreError, match=f"at least {least} x {least} pixels"):
        scored(metric, picture[: least - 1, :least])


@by_name([METRICS[name] for name in ("psnr", "ssim", "ms_ssim", "mae", "mse", "ciede2000", "angular_error")])
def test_the_border_counts(metric, picture):
    spoilt = picture.copy()
    spoilt[:4] = spoilt[:, :4] = spoilt[-4:] = spoilt[:, -4:] = [0.9, 0.1, 0.1]
    assert scored(metric, spoilt, picture) != pytest.approx(scored(metric, picture), abs=1e-3)


@by_name(METRICS.values())
def test_pictures_are_not_changed(metric, picture):
    picture.setflags(write=False)
    scored(metric, picture)


@pytest.mark.parametrize(
    "score", [gt_mean, *(METRICS[n].function for n in ("psnr", "mae", "brightness_error", "ssim"))]
)
def test_photos_of_many_megapixels_need_little_memory(score):
    """Eight at a time, of 24 MP each, are to fit into an ordinary machine."""
    out, target = np.random.default_rng(0).random((2, 900, 1200, 3), np.float32)
    tracemalloc.start()
    score(out, target)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.6 * 8 * out.size


@by_name(METRICS.values())
def test_single_precision_is_enough(metric, picture):
    other = np.clip(picture + 0.1 * np.random.default_rng(1).standard_normal(picture.shape), 0, 1)
    single = scored(metric, picture.astype(np.float32), other.astype(np.float32))
    assert single == pytest.approx(scored(metric, picture, other), rel=1e-4)


def test_the_range_is_1_whatever_the_file_holds(picture):
    other = np.clip(picture + 0.1 * np.random.default_rng(1).standard_normal(picture.shape), 0, 1)
    settings = {"channel_axis": 2, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    for dtype, top in ((np.uint8, 255), (np.uint16, 65535)):
        integers = [(image * top).round().astype(dtype) for image in (other, picture)]
        shares = [image / top for image in integers]
        assert psnr(*shares) == pytest.approx(peak_signal_noise_ratio(integers[1], integers[0], data_range=top))
        assert ssim(*shares) == pytest.approx(structural_similarity(*integers, data_range=top, **settings), abs=1e-6)
    # What a float picture taken for [-1, 1] would get:
    assert peak_signal_noise_ratio(picture, other, data_range=2) == pytest.approx(psnr(other, picture) + 6.02, abs=0.01)
    dark = 0.1 * other, 0.1 * picture
    assert structural_similarity(*dark, data_range=2, **settings) > ssim(*dark) + 0.02


def test_16_bits_are_not_cut_to_8():
    target = np.full((32, 32, 3), 20000 / 65535)
    assert psnr(np.full((32, 32, 3), 20010 / 65535), target) == pytest.approx(20 * np.log10(65535 / 10))


def test_colour_is_scored_not_its_grey():
    target = np.full((32, 32, 3), 0.5)
    cast = target + np.array([0.1, -0.0299 / 0.587, 0])
    assert luma(cast) == pytest.approx(luma(target))
    grey = [luma(image)[..., None] for image in (cast, target)]
    assert psnr(*grey) > 100
    assert psnr(cast, target) == pytest.approx(-10 * np.log10((0.01 + (0.0299 / 0.587) ** 2) / 3))


def test_gt_mean_flatters_the_dark():
    target = 0.2 + 0.5 * np.random.default_rng(0).random((32, 32, 3))
    dark = 0.2 * target
    assert psnr(dark, target) < 10
    assert psnr(gt_mean(dark, target), target) > 100
    with pytest.raises(ScoreError, match="one shape"):
        gt_mean(dark[1:], target)


@by_name([METRICS["psnr"], METRICS["loe"]])
def test_a_picture_that_is_missing_is_asked_for(metric, picture):
    with pytest.raises(TypeError, match="was not given"):
        metric.score(out=picture)


def test_the_page_has_every_metric_with_its_unit_and_direction():
    lines = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]
    takes = {"both": "out, target", "out": "out", "low and out": "low, out"}
    told = {name.strip("`"): (given, unit, better) for name, given, unit, _, better, _ in rows}
    del told["lpips"]  # not in METRICS: its graph is brought along
    assert told == {metric.name: (takes[metric.needs], metric.unit, metric.better) for metric in METRICS.values()}
