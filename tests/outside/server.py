"""The server that `run` started, over plain HTTP."""

import json
import os
import urllib.error
import urllib.parse
import urllib.request

URL = os.environ["OUTSIDE_URL"]
PASSWORD = os.environ["OUTSIDE_PASSWORD"]


def call(method, path, token=None, body=None):
    """Status and text of the answer."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(URL + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def sign_in():
    """The admin's token response."""
    form = urllib.parse.urlencode({"grant_type": "password", "username": "admin", "password": PASSWORD})
    with urllib.request.urlopen(URL + "/oauth/token", form.encode()) as answer:
        return json.load(answer)
