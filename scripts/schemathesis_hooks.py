"""What the generator of calls can't learn from the reference."""

import schemathesis
from hypothesis import strategies

# A format of our own.
schemathesis.openapi.format(
    "time-zone", strategies.sampled_from(["", "UTC", "Europe/Warsaw", "America/New_York", "Asia/Kolkata"])
)

keys = set()


@schemathesis.hook
def before_call(context, case, kwargs):
    """A key that comes again replays an old answer, also of what is deleted by now, or is refused."""
    headers = case.headers or {}
    key = headers.get("Idempotency-Key")
    if key in keys:
        del headers["Idempotency-Key"]
    elif key is not None:
        keys.add(key)
