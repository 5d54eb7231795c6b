"""Plans for moments, and who could take a task."""

import pytest

import cafe

MOMENT = {
    "now": 10,
    "workers": [{"id": "ana", "xy": [1, 1]}, {"id": "bo", "xy": [4, 4]}, {"id": "chen", "xy": [9, 9]}],
    "tasks": [
        {"id": "boiler", "xy": [1, 2], "workload_min": 30, "deadline": 120, "pay": 50},
        {"id": "tap", "xy": [4, 5], "workload_min": 10, "deadline": 120, "pay": 20},
    ],
}


def test_a_plan_keeps_its_own_rules():
    dispatcher = cafe.Dispatcher("greedy")
    plan = dispatcher.plan(MOMENT)
    assert {a["task"] for a in plan["assignments"]} == {"boiler", "tap"}
    assert dispatcher.check(plan, MOMENT) == []
    plan["assignments"][0]["arrival"] = 10
    assert [v["rule"] for v in dispatcher.check(plan, MOMENT)] == ["ARRIVAL"]


def test_plans_are_those_of_the_command_line(tmp_path):
    import json

    for policy in ("greedy", "coalition", "cafe-chengdu"):
        request = {"policy": policy, **MOMENT}
        assert json.loads(cafe.cli("dispatch", text=json.dumps(request))) == cafe.dispatch(request)


def test_recommendations_are_ranked():
    options = cafe.Dispatcher().recommend("tap", MOMENT, count=3)
    assert options[0]["team"] == ["bo"]
    assert [o["net"] for o in options] == sorted((o["net"] for o in options), reverse=True)


def test_faults_name_their_place():
    wrong = {**MOMENT, "tasks": [{**MOMENT["tasks"][0], "deadlin": 3}]}
    with pytest.raises(cafe.CafeError, match="tasks\\[0\\].*deadline") as caught:
        cafe.dispatch(wrong)
    assert caught.value.code == 2 and caught.value.path.startswith("tasks[0]")
    with pytest.raises(cafe.CafeError, match="no policy"):
        cafe.Dispatcher("gredy").plan(MOMENT)
    with pytest.raises(cafe.CafeError, match="count"):
        cafe.Dispatcher().recommend("tap", MOMENT, count=0)
