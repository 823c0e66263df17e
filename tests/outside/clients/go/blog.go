// The blog, in Go: with nothing but what openapi-generator made of openapi.yaml.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"blog/rolecall"
)

var ctx = context.Background()

func signIn(username, password string) *rolecall.APIClient {
	config := rolecall.NewConfiguration()
	config.Servers = rolecall.ServerConfigurations{{URL: os.Getenv("OUTSIDE_URL")}}
	client := rolecall.NewAPIClient(config)
	token, _, err := client.SignInAPI.GetToken(ctx).
		GrantType(rolecall.TOKENGRANTTYPE_PASSWORD).Username(username).Password(password).Execute()
	must(err)
	config.AddDefaultHeader("Authorization", fmt.Sprintf("%s %s", token.TokenType, token.AccessToken))
	return client
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func check(holds bool, what ...any) {
	if !holds {
		log.Fatal(what...)
	}
}

// The problem that a request was refused with.
func problem(err error) rolecall.Problem {
	var refused *rolecall.GenericOpenAPIError
	check(errors.As(err, &refused), err)
	problem, ok := refused.Model().(rolecall.Problem)
	check(ok, refused.Model())
	return problem
}

// All permissions, page by page.
func permissions(client *rolecall.APIClient) (names []string) {
	request := client.PermissionsAPI.ListPermissions(ctx).Limit(2)
	for {
		page, _, err := request.Execute()
		must(err)
		check(len(page.Items) <= 2, page.Items)
		for _, permission := range page.Items {
			names = append(names, permission.Name)
		}
		if page.Next == nil {
			return names
		}
		request = request.Cursor(*page.Next)
	}
}

func main() {
	admin := signIn("admin", os.Getenv("OUTSIDE_PASSWORD"))

	for _, name := range []string{"articles:read", "articles:update"} {
		permission := rolecall.NewPermissionCreate(name)
		created, _, err := admin.PermissionsAPI.CreatePermission(ctx).PermissionCreate(*permission).Execute()
		must(err)
		check(created.Resource == "articles", created)
	}
	editor := rolecall.NewRoleCreate("editor")
	editor.SetPermissions([]string{"articles:read", "articles:update"})
	role, _, err := admin.RolesAPI.CreateRole(ctx).RoleCreate(*editor).Execute()
	must(err)
	check(!role.BuiltIn, role)
	_, _, err = admin.RolesAPI.CreateRole(ctx).RoleCreate(*editor).Execute()
	taken := problem(err)
	check(taken.Status == 409 && taken.Code == "already_exists", taken)

	user := rolecall.NewUserCreate("alice")
	user.SetPassword("down the rabbit hole")
	user.SetDisplayName("Alice")
	created, _, err := admin.UsersAPI.CreateUser(ctx).UserCreate(*user).Execute()
	must(err)
	check(created.Status == rolecall.USERSTATUS_ACTIVE, created)

	// What would it change? Then make it so.
	forecast, _, err := admin.DryRunsAPI.DryRunAssignRole(ctx, "alice", "editor").Execute()
	must(err)
	check(len(forecast.Users) == 1 && len(forecast.Users[0].Gains) == 2, forecast)
	_, err = admin.AssignmentsAPI.AssignRole(ctx, "alice", "editor").Execute()
	must(err)

	alice := signIn("alice", "down the rabbit hole")
	me, _, err := alice.MeAPI.ReadMe(ctx).Execute()
	must(err)
	check(len(me.Roles) == 1 && me.Roles[0] == "editor", me.Roles)
	_, _, err = alice.UsersAPI.ListUsers(ctx).Execute()
	check(problem(err).Code == "insufficient_scope", err)
	_, _, err = admin.UsersAPI.ReadUser(ctx, "bob").Execute()
	check(problem(err).Code == "not_found", err)

	why, _, err := admin.AssignmentsAPI.ExplainUserPermission(ctx, "alice", "articles:update").Execute()
	must(err)
	check(why.Allowed && len(why.Paths) == 1 && why.Paths[0].Roles[0] == "editor", why)

	check(len(permissions(admin)) > 30)

	// Only if nobody has changed her since; null clears.
	read, response, err := admin.UsersAPI.ReadUser(ctx, "alice").Execute()
	must(err)
	check(read.GetDisplayName() == "Alice", read)
	patch := rolecall.NewUserPatch()
	patch.SetDisplayNameNil()
	clear := admin.UsersAPI.UpdateUser(ctx, "alice").UserPatch(*patch).IfMatch(response.Header.Get("ETag"))
	cleared, _, err := clear.Execute()
	must(err)
	check(cleared.DisplayName == nil, cleared)
	_, _, err = clear.Execute()
	check(problem(err).Code == "stale", err)
}
