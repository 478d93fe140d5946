"""What the requests that schemathesis makes up are turned into, and what answers are faults.

Made-up names seldom lead anywhere, so paths lead to things that are there, most of the time. What
would start an engine for each request is made to end just before: names are taken already, and
what restarts a branch keeps its made-up path.
"""

import itertools
import os
import random

import schemathesis

IDS = {name: os.environ["FUZZ_" + name.upper()] for name in ("database", "branch", "password", "token")}
IDS["organization"] = "default"
TOKENS = itertools.cycle(os.environ["FUZZ_TOKENS"].split())
CHANCE = random.Random(1)
TAKEN = {"create_database": "shop", "create_branch": "main"}
RESTARTS = {"promote_branch", "demote_branch", "reset_branch", "sleep_branch", "wake_branch"}
LOST = {"delete_database", "delete_branch", "delete_service_token", "delete_password"}


def operation_id(context):
    return context.operation.definition.raw.get("operationId", "")


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    if not path_parameters or operation_id(context) in RESTARTS | LOST:
        return path_parameters
    for name in path_parameters:
        if name in IDS and CHANCE.random() < 0.9:
            path_parameters[name] = IDS[name]
    return path_parameters


@schemathesis.hook
def map_headers(context, headers):
    """What HTTP forbids in a header is refused by the HTTP library, before this API sees it."""
    return headers and {
        name: "".join(c for c in str(value) if 0x20 <= ord(c) < 0x7F).strip() for name, value in headers.items()
    }


@schemathesis.hook
def map_body(context, body):
    taken = TAKEN.get(operation_id(context))
    if taken and isinstance(body, dict) and isinstance(body.get("name"), str):
        body["name"] = taken
        body.pop("create_database_if_missing", None)
    return body


@schemathesis.hook
def before_call(context, case, kwargs):
    case.headers = case.headers or {}
    case.headers["Authorization"] = next(TOKENS)


@schemathesis.check
def no_fault(context, response, case):
    """No answer is a fault, unless it says when to come back."""
    if response.status_code >= 500:
        later = response.status_code == 503 and "retry-after" in response.headers
        assert later, f"{response.status_code}: {response.text[:300]}"
    if response.status_code >= 400 and response.headers.get("content-type") == "application/json":
        body = response.json()
        assert body.get("code") and body.get("message"), f"not a refusal: {response.text[:300]}"
