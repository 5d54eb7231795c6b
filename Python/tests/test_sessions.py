"""Live collection of labels, and replays."""

import multiprocessing

import pandas as pd
import pytest

import cafe
from cafe import labels
from test_labels import crowd

TASKS = [f"t{n}" for n in range(20)]


def answer(question):
    """Ann is always right, Bob says yes."""
    return "yes" if question["worker"] == "bob" or int(question["task"][1:]) % 2 else "no"


def start(folder, **options):
    return labels.Session.create(
        folder, tasks=TASKS, classes=["no", "yes"], budget=40, workers=["ann", "bob", "cy"], **options)


def test_a_session_asks_records_and_stays_within_its_budget(tmp_path):
    with start(tmp_path / "study") as session:
        asked = 0
        while questions := session.next(["ann", "bob", "cy"], count=5):
            for question in questions:
                assert session.record(question["task"], question["worker"], answer(question))
                asked += 1
        assert asked == 40 and "budget" in session.why
        assert session.status()["spent"] == 40
        table = session.labels()
        assert list(table.index) == TASKS and table["labels"].sum() == 40
        raw = session.raw()
        assert len(raw) == 40
        assert labels.DawidSkene(prior=True).fit_predict(raw).index.isin(TASKS).all()
        assert set(session.labels("mv")["label"].dropna()) <= {"no", "yes"}


def test_a_session_is_opened_again_with_everything_in_it(tmp_path):
    with start(tmp_path / "study", seed=3) as session:
        (question,) = session.next(["ann"])
        session.record(question["task"], "ann", "no")
        (second,) = session.next(["bob"])
    session = labels.Session(tmp_path / "study")
    status = session.status()
    assert status["labels"] == 1 and [q["id"] for q in status["outstanding"]] == [second["id"]]
    assert session.decline(second["task"], "bob")
    session.close()
    with pytest.raises(cafe.CafeError, match="closed"):
        session.status()
    assert "1 label;" in cafe.cli("label", "status", tmp_path / "study")


def test_families_are_named_at_the_beginning_and_when_somebody_joins(tmp_path):
    with start(tmp_path / "study", families={"makers": ["ann", "bob"]}) as session:
        session.join(["dan"], family="makers")
        session.next(["eve"], join=True, family="others")
        families = {each["family"]: each["members"] for each in session.status()["families"]}
        assert families == {"makers": ["ann", "bob", "dan"], "others": ["eve"]}
        with pytest.raises(cafe.CafeError, match="joined already, in the family 'others'"):
            session.next(["eve"], join=True, family="makers")
        with pytest.raises(cafe.CafeError, match="goes with join"):
            session.next(["eve"], family="others")
        with pytest.raises(cafe.CafeError, match="'ann' has joined already"):
            session.join(["new", "ann"], family="makers")
        assert "new" not in session.status()["workers"]
    shown = cafe.cli("label", "status", tmp_path / "study")
    assert "family makers: ann, bob, dan" in shown and "family others: eve" in shown


@pytest.mark.parametrize("families, sentence", [
    ({"x": ["ann", "nobody"]}, "no worker or model 'nobody'"),
    ({"x": ["ann"], "y": ["ann"]}, r"families\[1\]: 'ann' is in the family 'x' already"),
    ({"x": []}, r"families\[0\]: nobody is in it"),
    ({"x": ["ann", "gpt"]}, "of models or of workers"),
])
def test_families_that_will_not_do(tmp_path, families, sentence):
    soft = pd.DataFrame({"task": TASKS, "worker": "gpt", "no": 0.5, "yes": 0.5})
    with pytest.raises(cafe.CafeError, match=sentence):
        start(tmp_path / "study", families=families, soft=soft)
    assert not (tmp_path / "study").exists()
    with pytest.raises(cafe.CafeError, match="families: only with the method pooled"):
        start(tmp_path / "study", families={"x": ["ann", "bob"]}, method="bbta")


def test_a_model_helps_a_session_from_its_first_question(tmp_path):
    right = {task: "yes" if int(task[1:]) % 2 else "no" for task in TASKS}
    soft = pd.DataFrame({"task": TASKS, "yes": [0.9 if right[task] == "yes" else 0.1 for task in TASKS]})
    soft["no"] = 1 - soft["yes"]
    with start(tmp_path / "study", soft=soft) as session:
        for _ in range(4):
            for question in session.next(["ann", "cy"], count=2):
                session.record(question["task"], question["worker"], right[question["task"]])
        assert session.status()["models"][0]["model"] == "model"
        assert (session.labels()["label"] == pd.Series(right)).all()
    with start(tmp_path / "alone") as session:
        assert session.labels()["label"].isna().all()
    with pytest.raises(cafe.CafeError, match="there is no task 'elsewhere'"):
        start(tmp_path / "other", soft=pd.DataFrame({"task": ["elsewhere"], "no": [0.5], "yes": [0.5]}))
    with pytest.raises(cafe.CafeError, match="no column for the label 'no'"):
        start(tmp_path / "other", soft=pd.DataFrame({"task": ["t0"], "yes": [1.0]}))
    assert not (tmp_path / "other").exists()


def test_refusals_are_sentences(tmp_path):
    with start(tmp_path / "study") as session:
        with pytest.raises(cafe.CafeError, match="was not asked about task 't1'"):
            session.record("t1", "ann", "yes")
        with pytest.raises(cafe.CafeError, match="no worker 'an'"):
            session.next(["an"])
        session.join({"dan": 2.5})
        session.gold("t3", "yes")
        session.bar("cy")
        assert session.labels().loc["t3", "label"] == "yes"
        assert session.next(["cy"]) == [] and "barred" in session.why
        session.set_budget(60)
        assert session.status()["budget"] == 60
    with pytest.raises(cafe.CafeError, match="session in this folder already"):
        start(tmp_path / "study")
    with pytest.raises(cafe.CafeError, match="method"):
        start(tmp_path / "other", method="nothing")
    assert not (tmp_path / "other").exists()


def _open(folder):
    try:
        labels.Session(folder).close()
        return "opened"
    except cafe.CafeError as failure:
        return str(failure)


def test_another_process_can_open_it_once_it_is_closed(tmp_path):
    start(tmp_path / "study").close()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_open, (tmp_path / "study",)) == "opened"


def test_a_replay_gives_curves():
    data, truth = crowd(tasks=60)
    curves = labels.replay(data, truth, methods=("random", "pooled"), runs=3, budgets=[2, 3])
    assert isinstance(curves, pd.DataFrame)
    assert list(curves["method"]) == ["random", "random", "pooled", "pooled"]
    assert curves["mean"].between(0.3, 1).all()
