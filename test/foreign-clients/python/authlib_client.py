"""Reads {origin, token, service} as JSON, and prints what authlib receives."""

import json
import sys

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc8414 import get_well_known_url

given = json.load(sys.stdin)
origin, token, service = given["origin"], given["token"], given["service"]
updates = []

metadata = OAuth2Session().request("GET", get_well_known_url(origin, external=True), withhold_token=True).json()
token_url = metadata["token_endpoint"]


def update(new_token, refresh_token=None, access_token=None):
    updates.append(new_token)


# The token has expired for this client, so that it refreshes before the request.
session = OAuth2Session(
    "cli",
    token={**token, "expires_at": 1},
    token_endpoint=token_url,
    token_endpoint_auth_method="none",
    update_token=update,
)
me = session.get(origin + "/me").json()
narrow = session.refresh_token(token_url, scope="read")


def error_of(call):
    try:
        call()
    except AuthlibBaseError as error:
        return error.error


caller = OAuth2Session(service["id"], service["secret"])


def introspect():
    return caller.introspect_token(metadata["introspection_endpoint"], token=narrow["access_token"]).json()


active = introspect()
beyond = error_of(lambda: session.refresh_token(token_url, scope="admin"))
revocation = session.revoke_token(metadata["revocation_endpoint"], token=narrow["refresh_token"])
inactive = introspect()
revoked = error_of(lambda: session.refresh_token(token_url, refresh_token=narrow["refresh_token"]))

json.dump(
    {
        "issuer": metadata["issuer"],
        "me": me,
        "updates": len(updates),
        "narrow": narrow["scope"],
        "active": active,
        "beyond": beyond,
        "revocation": revocation.status_code,
        "inactive": inactive,
        "revoked": revoked,
    },
    sys.stdout,
)
