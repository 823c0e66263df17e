"""Authlib and requests-oauthlib sign in, refresh, introspect, revoke and act as a service, as their guides say."""

import json
import os
import unittest

from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session as Authlib
from oauthlib.oauth2 import BackendApplicationClient, InvalidGrantError, LegacyApplicationClient
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session as RequestsOauthlib

from server import PASSWORD, URL, call, sign_in

# Both insist on HTTPS otherwise.
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"


def application(client_id):
    """The secret of a client that may do everything."""
    new = {
        "name": client_id,
        "client_id": client_id,
        "first_party": True,
        "grants": ["password", "refresh_token", "client_credentials"],
    }
    status, body = call("POST", "/v1/clients", sign_in()["access_token"], new)
    assert status == 201, body
    return json.loads(body)["client_secret"]


class OAuth(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        status, body = call("GET", "/.well-known/oauth-authorization-server")
        assert status == 200, body
        cls.metadata = json.loads(body)
        cls.token_url = cls.metadata["token_endpoint"]
        cls.secrets = {name: application(name) for name in ["authlib", "requests-oauthlib"]}

    def authlib(self, method="client_secret_basic"):
        return Authlib("authlib", self.secrets["authlib"], token_endpoint_auth_method=method)

    def test_authlib_goes_the_whole_way(self):
        for method in ["client_secret_basic", "client_secret_post"]:
            session = self.authlib(method)
            first = session.fetch_token(self.token_url, username="admin", password=PASSWORD)
            self.assertEqual(session.get(URL + "/v1/me").json()["username"], "admin")
            second = session.refresh_token(self.token_url, refresh_token=first["refresh_token"])
            self.assertNotEqual(first["refresh_token"], second["refresh_token"])
            self.assertEqual(session.get(URL + "/v1/me").status_code, 200)
            introspected = session.introspect_token(
                self.metadata["introspection_endpoint"], token=second["access_token"], token_type_hint="access_token"
            ).json()
            self.assertTrue(introspected["active"])
            self.assertEqual(introspected["client_id"], "authlib")
            revoked = session.revoke_token(self.metadata["revocation_endpoint"], token=second["refresh_token"])
            self.assertEqual(revoked.status_code, 200)
            self.assertEqual(session.get(URL + "/v1/me").status_code, 401)
            introspected = session.introspect_token(self.metadata["introspection_endpoint"], token=second["access_token"])
            self.assertEqual(introspected.json(), {"active": False})

    def test_authlib_sees_a_token_used_twice_and_the_session_is_over(self):
        session = self.authlib()
        first = session.fetch_token(self.token_url, username="admin", password=PASSWORD)
        session.refresh_token(self.token_url, refresh_token=first["refresh_token"])
        with self.assertRaises(OAuthError) as refused:
            session.refresh_token(self.token_url, refresh_token=first["refresh_token"])
        self.assertEqual(refused.exception.error, "invalid_grant")
        self.assertEqual(session.get(URL + "/v1/me").status_code, 401)

    def test_authlib_acts_as_a_service(self):
        session = self.authlib()
        session.fetch_token(self.token_url, grant_type="client_credentials")
        self.assertEqual(session.get(URL + "/v1/me").json()["username"], "authlib")

    def test_requests_oauthlib_goes_the_whole_way(self):
        name = "requests-oauthlib"
        auth = HTTPBasicAuth(name, self.secrets[name])
        session = RequestsOauthlib(client=LegacyApplicationClient(client_id=name))
        first = session.fetch_token(self.token_url, username="admin", password=PASSWORD, auth=auth)
        self.assertEqual(session.get(URL + "/v1/me").json()["username"], "admin")
        second = session.refresh_token(self.token_url, auth=auth)
        self.assertNotEqual(first["refresh_token"], second["refresh_token"])
        self.assertEqual(session.get(URL + "/v1/me").status_code, 200)
        told = session.post(self.metadata["introspection_endpoint"], {"token": second["access_token"]}, auth=auth)
        self.assertTrue(told.json()["active"])
        revoked = session.post(self.metadata["revocation_endpoint"], {"token": second["access_token"]}, auth=auth)
        self.assertEqual(revoked.status_code, 200)
        with self.assertRaises(InvalidGrantError):
            session.refresh_token(self.token_url, auth=auth)

    def test_requests_oauthlib_needs_no_client(self):
        session = RequestsOauthlib(client=LegacyApplicationClient(client_id="rolecall"))
        session.fetch_token(self.token_url, username="admin", password=PASSWORD, include_client_id=True)
        session.refresh_token(self.token_url, client_id="rolecall")
        self.assertEqual(session.get(URL + "/v1/me").status_code, 200)

    def test_requests_oauthlib_acts_as_a_service(self):
        name = "requests-oauthlib"
        session = RequestsOauthlib(client=BackendApplicationClient(client_id=name))
        session.fetch_token(self.token_url, client_secret=self.secrets[name], include_client_id=True)
        self.assertEqual(session.get(URL + "/v1/me").json()["username"], name)
