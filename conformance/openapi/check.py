"""Every recorded answer against PlanetScale's own OpenAPI document.

Arguments: the document, the record. What differs must stand in differences.txt with its reason, everything else
fails; so does a difference that no answer has any more. Prints one JSON line for each operation.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path

import jsonschema
import yaml

HERE = Path(__file__).parent
METHODS = ("get", "post", "put", "patch", "delete")


def schema(given):
    """A schema of the document as JSON Schema: `nullable` becomes a type."""
    if isinstance(given, list):
        return [schema(one) for one in given]
    if not isinstance(given, dict):
        return given
    made = {key: schema(value) for key, value in given.items() if key != "nullable"}
    if given.get("nullable") is True:
        if isinstance(made.get("type"), str):
            made["type"] = [made["type"], "null"]
        if isinstance(made.get("enum"), list):
            made["enum"] = [*made["enum"], None]
    return made


def operations(document):
    """(method, parts of the path, template, responses) of each operation."""
    for template, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield method.upper(), template.strip("/").split("/"), template, item[method]["responses"]


def find(known, method, path):
    """The operation of a request; one with fewer parameters goes first."""
    parts = path.removeprefix("/v1").strip("/").split("/")
    fits = [
        one
        for one in known
        if one[0] == method and len(one[1]) == len(parts) and all(a.startswith("{") or a == b for a, b in zip(one[1], parts))
    ]
    return min(fits, key=lambda one: sum(part.startswith("{") for part in one[1]), default=None)


def problems(answer, responses):
    status, body = str(answer["status"]), answer["body"]
    if answer["status"] >= 400:
        if not isinstance(body, dict) or not isinstance(body.get("code"), str) or not isinstance(body.get("message"), str):
            yield "an error without code and message"
        if status not in responses:
            yield f"status {status}"
        return
    if status not in responses:
        yield f"status {status}"
        return
    content = responses[status].get("content", {}).get("application/json")
    if content is None:
        if body is not None:
            yield "a body where none is documented"
        return
    if not (answer["type"] or "").startswith("application/json"):
        yield f"type {answer['type']}"
        return
    for error in jsonschema.Draft202012Validator(schema(content["schema"])).iter_errors(body):
        where = ".".join("[]" if isinstance(part, int) else part for part in error.absolute_path)
        what = error.message if error.validator == "required" else f"{error.validator} {json.dumps(error.instance)[:60]}"
        yield f"{where or 'body'}: {what}"


def allowed():
    """(operation or `*`, difference): reason, from lines `operation | difference | reason`."""
    lines = (HERE / "differences.txt").read_text(encoding="utf-8").splitlines()
    entries = [tuple(part.strip() for part in line.split("|")) for line in lines if line and not line.startswith("#")]
    return {(operation, difference): reason for operation, difference, reason in entries}


def main(document, record):
    with open(document, encoding="utf-8") as text:
        known = list(operations(yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))))
    expected, seen = allowed(), set()
    found, undocumented, count, answered = defaultdict(set), set(), 0, set()
    for line in Path(record).read_text(encoding="utf-8").splitlines():
        answer = json.loads(line)
        operation = find(known, answer["method"], answer["path"])
        if operation is None:
            undocumented.add((answer["method"], answer["path"]))
            continue
        count += 1
        name = f"{operation[0]} {operation[2]}"
        found[name] |= set(problems(answer, operation[3]))
        if answer["status"] < 400:
            answered.add(name)
    failed = 0
    for name in sorted(found):
        reasons, new, own = [], [], False
        for problem in sorted(found[name]):
            entry = next((key for key in ((name, problem), ("*", problem)) if key in expected), None)
            if entry:
                seen.add(entry)
                own |= entry[0] == name
                reasons.append(f"{problem}: {expected[entry]}")
            else:
                new.append(problem)
        failed += bool(new)
        outcome = "fails" if new else "differs" if own else "works" if name in answered else "refused"
        line = {"client": "openapi", "method": name, "outcome": outcome}
        print(json.dumps(line | ({"reason": "\n".join(new or reasons)} if new or reasons else {})))
        for problem in new:
            print(f"FAILED: openapi {name} | {problem}", file=sys.stderr)
    for operation, difference in expected.keys() - seen:
        if operation == "*" or operation in found:
            failed += 1
            print(f"FAILED: no answer differs like this any more: {operation} | {difference}", file=sys.stderr)
    print(f"openapi: {count} answers of {len(found)} operations, {failed} failed; {len(undocumented)} requests are not in the document", file=sys.stderr)
    return 1 if failed or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
