"""The blog, in Python: with nothing but what openapi-python-client made of openapi.yaml."""

import os
from collections.abc import Iterator
from http import HTTPStatus
from typing import TypeVar

from rolecall_client import AuthenticatedClient, Client
from rolecall_client.api.assignments import assign_role, explain_user_permission
from rolecall_client.api.me import read_me
from rolecall_client.api.permissions import create_permission, list_permissions
from rolecall_client.api.dry_runs import dry_run_assign_role
from rolecall_client.api.policy import export_policy
from rolecall_client.api.roles import create_role
from rolecall_client.api.sign_in import get_token
from rolecall_client.api.users import create_user, list_users, read_user, update_user
from rolecall_client.models import (
    DryRun,
    Explanation,
    Me,
    Permission,
    PermissionCreate,
    PermissionPage,
    Policy,
    Problem,
    Role,
    RoleCreate,
    TokenGrantType,
    TokenRequest,
    TokenResponse,
    User,
    UserCreate,
    UserPatch,
    UserStatus,
)
from rolecall_client.types import UNSET, Unset

URL = os.environ["OUTSIDE_URL"]
T = TypeVar("T")


def is_a(expected: type[T], answer: object) -> T:
    """The answer, if it's what is expected: the union of what there may be otherwise is long."""
    assert isinstance(answer, expected), answer
    return answer


def sign_in(username: str, password: str) -> AuthenticatedClient:
    form = TokenRequest(grant_type=TokenGrantType.PASSWORD, username=username, password=password)
    token = is_a(TokenResponse, get_token.sync(client=Client(base_url=URL), body=form))
    return AuthenticatedClient(base_url=URL, token=token.access_token)


def permissions(client: AuthenticatedClient) -> Iterator[Permission]:
    """All there are, page by page."""
    cursor: str | Unset = UNSET
    while True:
        page = is_a(PermissionPage, list_permissions.sync(client=client, limit=2, cursor=cursor))
        assert len(page.items) <= 2
        yield from page.items
        if isinstance(page.next_, Unset):
            return
        cursor = page.next_


admin = sign_in("admin", os.environ["OUTSIDE_PASSWORD"])

for name in ["articles:read", "articles:update"]:
    created = is_a(Permission, create_permission.sync(client=admin, body=PermissionCreate(name=name)))
    assert created.resource == "articles"
editor = RoleCreate(name="editor", description="Writes articles", permissions=["articles:read", "articles:update"])
assert not is_a(Role, create_role.sync(client=admin, body=editor)).built_in
taken = is_a(Problem, create_role.sync(client=admin, body=editor))
assert (taken.status, taken.code) == (409, "already_exists")

new = UserCreate(username="alice", password="down the rabbit hole", display_name="Alice")
assert is_a(User, create_user.sync(client=admin, body=new)).status is UserStatus.ACTIVE

# What would it change? Then make it so.
forecast = is_a(DryRun, dry_run_assign_role.sync("alice", "editor", client=admin))
assert not isinstance(forecast.users, Unset)
assert forecast.users[0].gains == ["articles:read", "articles:update"]
assert assign_role.sync_detailed("alice", "editor", client=admin).status_code is HTTPStatus.NO_CONTENT

alice = sign_in("alice", "down the rabbit hole")
assert is_a(Me, read_me.sync(client=alice)).roles == ["editor"]
assert is_a(Problem, list_users.sync(client=alice)).code == "insufficient_scope"
assert is_a(Problem, read_user.sync("bob", client=admin)).code == "not_found"

why = is_a(Explanation, explain_user_permission.sync("alice", "articles:update", client=admin))
assert why.allowed
assert [path.roles for path in why.paths] == [["editor"]]

names = [permission.name for permission in permissions(admin)]
assert len(names) > 30
assert "articles:update" in names

policy = is_a(Policy, export_policy.sync(client=admin, accept="application/json"))
assert not isinstance(policy.roles, Unset)
assert policy.roles[0].permissions == ["articles:read", "articles:update"]

# Only if nobody has changed her since; None clears.
read = read_user.sync_detailed("alice", client=admin)
assert is_a(User, read.parsed).display_name == "Alice"
tag, clear = read.headers["ETag"], UserPatch(display_name=None)
assert is_a(User, update_user.sync("alice", client=admin, body=clear, if_match=tag)).display_name is UNSET
assert is_a(Problem, update_user.sync("alice", client=admin, body=clear, if_match=tag)).code == "stale"
