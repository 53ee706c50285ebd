"""Reads {origin, token} as JSON, and prints what requests-oauthlib receives."""

import json
import sys

from oauthlib.oauth2 import OAuth2Error
from requests_oauthlib import OAuth2Session

given = json.load(sys.stdin)
origin, token = given["origin"], given["token"]
token_url = origin + "/auth/refresh"
updates = []

# The token has expired for this client, so that it refreshes before the request.
session = OAuth2Session(
    "cli",
    token={**token, "expires_in": -30},
    auto_refresh_url=token_url,
    auto_refresh_kwargs={"client_id": "cli"},
    token_updater=updates.append,
)
me = session.get(origin + "/me").json()

session.token = updates[-1]


def refresh(scope):
    # It warns, as an exception, if the response has another scope than the request.
    session.scope = scope
    return session.refresh_token(token_url)


def error_of(scope):
    try:
        refresh(scope)
    except OAuth2Error as error:
        return {"class": type(error).__name__, "error": error.error}


narrow = refresh(["read"])
full = refresh(["write", "read"])
beyond = error_of(["admin"])
revocation = session.post(origin + "/auth/logout", data={"token": full["refresh_token"]})
revoked = error_of(None)

json.dump(
    {
        "me": me,
        "updates": len(updates),
        "refreshed": updates[-1]["scope"],
        "narrow": narrow["scope"],
        "full": sorted(full["scope"]),
        "beyond": beyond,
        "revocation": revocation.status_code,
        "revoked": revoked,
    },
    sys.stdout,
)
