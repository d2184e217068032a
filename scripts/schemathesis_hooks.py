"""What the generator of calls can't learn from the reference."""

import schemathesis
from hypothesis import strategies

# A format of our own.
schemathesis.openapi.format(
    "time-zone", strategies.sampled_from(["", "UTC", "Europe/Warsaw", "America/New_York", "Asia/Kolkata"])
)

keys = set()


def known_fields(parameters):
    """Which custom fields there are is not in the reference: the demo has one."""
    if not isinstance(parameters, dict):
        return
    for entries in (parameters.get("customers"), parameters.get("companies")):
        for entry in entries if isinstance(entries, list) else []:
            known_fields(entry)
    if isinstance(parameters.get("custom_fields"), dict):
        parameters["custom_fields"] = {"kampania": "lato"}
    # Nor which fields a group has: at first none.
    if "group_id" in parameters or isinstance(parameters.get("values"), list):
        parameters.pop("values", None)
    # A list has options, and nothing else has.
    if parameters.get("kind") == "list":
        parameters["options"] = ["POLSKA"]
    else:
        parameters.pop("options", None)


@schemathesis.hook
def before_call(context, case, kwargs):
    """A key that comes again replays an old answer, also of what is deleted by now, or is refused."""
    known_fields(case.body)
    if isinstance(case.query, dict):
        for name in [name for name in case.query if name.startswith("custom_fields")]:
            del case.query[name]
            case.query["custom_fields[kampania]"] = "lato"
    headers = case.headers or {}
    key = headers.get("Idempotency-Key")
    if key in keys:
        del headers["Idempotency-Key"]
    elif key is not None:
        keys.add(key)
