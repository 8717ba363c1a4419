from pathlib import Path

from app.core.models import ModelFile, usual_model


def model(name, size, **more):
    path = Path(f"/models/{name}.gguf")
    return ModelFile(path, (path,), name, size, **more)


SMALL, LARGE = model("small", 10), model("large", 90)
GUIDE = model("guide", 1, is_builtin=True)
DAMAGED = model("damaged", 5, problem="It is cut short.")


def test_the_model_used_last_is_usual():
    assert usual_model([GUIDE, SMALL, LARGE], str(LARGE.path)) is LARGE


def test_the_smallest_that_works_is_usual_where_none_was_used():
    assert usual_model([LARGE, DAMAGED, GUIDE, SMALL], "") is SMALL
    assert usual_model([LARGE, SMALL], "/models/gone.gguf") is SMALL


def test_the_guide_is_usual_only_alone():
    assert usual_model([DAMAGED, GUIDE], "") is GUIDE
    assert usual_model([SMALL, GUIDE], str(GUIDE.path)) is SMALL


def test_without_models_none_is_usual():
    assert usual_model([DAMAGED], str(DAMAGED.path)) is None
