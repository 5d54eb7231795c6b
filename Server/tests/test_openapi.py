"""Every operation of openapi.yaml against the running server, by schemathesis: no 5xx, answers as described, bad input refused."""
import json
import os
import pathlib

import schemathesis
from schemathesis.checks import positive_data_acceptance, unsupported_method
from hypothesis import HealthCheck, settings

DESCRIPTION = pathlib.Path(__file__).parent.parent / "openapi.yaml"
schema = schemathesis.openapi.from_path(DESCRIPTION).exclude(operation_id="cityStream")
EXAMPLES = int(os.environ.get("CAFE_EXAMPLES", "25"))

# Real ids, so that generated calls reach a study and a city and not only "there is no study".
known = {}


@schemathesis.serializer("application/x-ndjson")
def lines(context, value):
    return value.encode() if isinstance(value, str) else b"" if value is None else json.dumps(value).encode()


def aim(case):
    """Lets a call that fits the description reach what is there; one that does not stays as it is."""
    negative = case.meta is not None and case.meta.generation.mode.is_negative
    for name in case.path_parameters or {}:
        if not negative and name in known and len(str(case.path_parameters[name])) % 4:
            case.path_parameters[name] = known[name]


def prepare(server):
    if known.get("base") != server.base:
        made = server.study(5, join="open")
        worker = server.worker(made["id"], "ann")
        server.post("/v1/cities", {"id": "examples"}, server.admin)
        known.update(base=server.base, study=made["id"], worker="ann", city="examples", token=worker["token"])


@schema.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_operation(server, case):
    prepare(server)
    labelling = case.operation.definition.raw.get("operationId") in ("nextQuestion", "answer")
    token = known["token"] if labelling else server.admin
    # What the description cannot say (a class of gold must be a class, a date must be one) is refused by right: bodies that fit
    # the description may be answered 400, queries may not. TRACE and the like are refused by 405 as all unknown methods are.
    aim(case)
    headers = {} if case.headers and "Authorization" in case.headers else {"Authorization": f"Bearer {token}"}
    excluded = [unsupported_method] + ([positive_data_acceptance] if case.method == "POST" else [])
    case.call_and_validate(base_url=server.base, headers=headers, excluded_checks=excluded)
    assert server.alive()


def test_served_description_is_this_one(server):
    assert server.get("/openapi.yaml").text == DESCRIPTION.read_text()
