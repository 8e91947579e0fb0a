import pytest

from podium.lab.training.cohort.memory import FILE, Fit, remember, remembered


def test_what_fitted_is_remembered_by_name(tmp_path):
    remember(tmp_path, "a", Fit(4, parts=2))
    remember(tmp_path, "b", Fit(1, again=True))
    assert remembered(tmp_path, "a", Fit(8)) == Fit(4, parts=2)
    assert remembered(tmp_path, "a", Fit(2, parts=4)) == Fit(2, parts=4)
    assert remembered(tmp_path, "b", Fit(8)) == Fit(1, again=True)
    assert remembered(tmp_path, "c", Fit(8)) == Fit(8)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 3}', '{"a": {"rows": 2}}', '{"a": {"variants": "x"}}'])
def test_a_file_that_says_nothing_useful_is_passed_over(tmp_path, text):
    (tmp_path / FILE).write_text(text)
    assert remembered(tmp_path, "a", Fit(8)) == Fit(8)


def test_a_disk_that_refuses_stops_nothing(tmp_path):
    (tmp_path / "build").write_text("a file where the folder should be")
    remember(tmp_path / "build", "a", Fit(4))
    assert remembered(tmp_path / "build", "a", Fit(8)) == Fit(8)


def test_fewer_first_then_parts_then_again():
    fit, seen = Fit(6), []
    while fit is not None:
        seen.append((fit.variants, fit.parts, fit.again))
        fit = fit.smaller(24)
    assert seen == [(6, 1, False), (4, 1, False), (2, 1, False), (1, 1, False), (1, 1, True)] + [
        (1, parts, True) for parts in (2, 4, 8, 16)
    ]
