import pickle

import pytest

from podium.spec import PodiumError, ViTConfig, experiment_names, is_own, load_question, own_config, parse_setting
from podium.spec.own import beside

NETS = """
class Base:
    def __init__(self, width: int, rate: float = 1, name: str | None = None, *, deep=False, made=make(), sizes=(1, 2)):
        pass

class Net(Base):
    pass

class Odd(Base):
    def __init__(self, layers: list[int]):
        pass

class Free:
    def __init__(self, anything, other=None, **rest):
        pass

class Bare:
    pass

class Taken:
    def __init__(self, code=1):
        pass

class Foreign(nn.Module):
    pass

def make(depth: int = 2, /, dropout=0.5):
    return Net(depth)
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "nets.py").write_text(NETS)
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "more.py").write_text("class Deep:\n    def __init__(self, width=3): pass\n")
    with beside(tmp_path):
        yield tmp_path


def test_the_constructors_arguments_are_fields(folder):
    config = own_config(model="nets:Net", width=8, learning_rate=1)
    assert config.arguments == ("width", "rate", "name", "deep")
    assert (config.width, config.rate, config.name, config.deep) == (8, 1.0, None, False)
    assert type(config.learning_rate) is type(config.rate) is float
    values = config.as_dict()
    assert (values["model"], values["width"], len(values["code"])) == ("nets:Net", 8, 8)
    assert is_own(config)
    assert not is_own(ViTConfig())
    assert parse_setting(type(config), "width=9") == ("width", 9)
    assert config.but(rate=2).rate == 2.0
    assert config == own_config("nets:Net", width=8, learning_rate=1.0)
    assert hash(config) == hash(own_config("nets:Net", width=8, learning_rate=1.0))
    assert "nets:Net" in type(config).__doc__


def test_functions_and_folders(folder):
    made = own_config("nets:make")
    assert (made.arguments, made.dropout, made.depth) == (("depth", "dropout"), 0.5, 2)
    assert own_config("inside.more:Deep").width == 3
    assert own_config("nets:Bare").arguments == own_config("nets:Foreign").arguments == ()
    assert own_config("nets:Free", anything="x").anything == "x"


def test_travels(folder):
    config = own_config("nets:Net", width=8, seed=4)
    assert pickle.loads(pickle.dumps(config)) == config  # noqa: S301 - our own bytes


def test_code_changes_the_config_and_layout_does_not(folder):
    config = own_config("nets:Bare")
    (folder / "nets.py").write_text("# a comment\n" + NETS)
    assert own_config("nets:Bare") == config
    (folder / "nets.py").write_text(NETS.replace("Net(depth)", "Net(depth + 1)"))
    assert own_config("nets:Bare").digest() != config.digest()


@pytest.mark.parametrize(
    ("model", "values", "message"),
    [
        ("nets", {}, "is named FILE:NAME, as my_models:Net; not 'nets'"),
        ("nothing:Net", {}, "There is no nothing.py beside the experiments"),
        ("nets:Ned", {}, "no model 'Ned'; did you mean 'Net'"),
        ("nets:Net", {}, r"nets:Net needs width: give own_config\(width=...\)"),
        ("nets:Net", {"width": 1.5}, "NetConfig.width must be a whole number; not 1.5"),
        ("nets:Net", {"width": 1, "widht": 2}, "NetConfig has no field 'widht'; did you mean 'width'"),
        ("nets:Odd", {}, r"nets:Odd needs layers: list\[int\]; a config holds numbers, texts"),
        ("nets:Taken", {}, "nets:Taken takes code, which means another thing in a config"),
        ("broken:Net", {}, r"broken.py, line 1: .*"),
        ("latin:Net", {}, "cannot be read"),
    ],
)
def test_what_is_wrong_is_a_sentence(folder, model, values, message):
    (folder / "broken.py").write_text("class Net(\n")
    (folder / "latin.py").write_bytes(b"# \xe9\xff")
    with pytest.raises(PodiumError, match=message):
        own_config(model, **values)


def test_a_model_beside_the_experiments_is_no_experiment(folder):
    (folder / "width.py").write_text("EXPERIMENT = 1\n")
    assert experiment_names(folder) == ["width"]
    (folder / "nets.py").write_text("class Net: pass\n")
    with pytest.raises(PodiumError, match=r"nets.py must set EXPERIMENT"):
        load_question("nets", folder)


def test_is_found_from_inside_a_project(tmp_path, monkeypatch):
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "a.py").write_text("class A: pass")
    (tmp_path / "b.py").write_text("class B: pass")
    (tmp_path / "slides").mkdir()
    monkeypatch.chdir(tmp_path / "slides")
    assert own_config("a:A").file == tmp_path / "experiments" / "a.py"
    assert own_config("b:B").file == tmp_path / "b.py"
