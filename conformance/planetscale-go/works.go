package main

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	ps "github.com/planetscale/planetscale-go/planetscale"
)

const (
	org      = "default"
	database = "goshop"
	branch   = "dev"
)

// suite runs methods and keeps what came of them.
type suite struct {
	ctx     context.Context
	c       *ps.Client
	results map[string]result
}

// note records a method, the first failure of which stays.
func (s *suite) note(method, outcome, reason string) {
	if s.results == nil {
		s.results = map[string]result{}
	}
	if s.results[method].Outcome == "fails" {
		return
	}
	s.results[method] = result{Client: "planetscale-go", Method: method, Outcome: outcome, Reason: reason}
}

// does checks one method: err must be nil and all of what holds must be true.
func (s *suite) does(method string, err error, holds ...bool) {
	switch {
	case err != nil:
		s.note(method, "fails", err.Error())
	case slices.Contains(holds, false):
		s.note(method, "fails", fmt.Sprintf("asserted result %d is not so", slices.Index(holds, false)+1))
	default:
		s.note(method, "works", "")
	}
}

// missing checks that something is not found.
func (s *suite) missing(method string, err error) {
	var e *ps.Error
	if !errors.As(err, &e) || e.Code != ps.ErrNotFound || e.Error() == "" {
		s.note(method, "fails", fmt.Sprintf("expected not_found, got: %v", err))
	}
}

// until waits for a state, two minutes at most.
func until(look func() bool) bool {
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if look() {
			return true
		}
	}
	return false
}

// or gives a value that can be looked into also where the call failed.
func or[T any](v *T) *T {
	if v == nil {
		return new(T)
	}
	return v
}

func has[T any](all []*T, is func(*T) bool) bool { return slices.ContainsFunc(all, is) }
func ptr[T any](v T) *T                          { return &v }

func (s *suite) works() {
	s.account()
	s.databases()
	s.branches()
	s.keyspaces()
	s.passwords()
	s.backups()
	s.policies()
	s.tokens()
	s.webhooks()
	s.processes()
	s.postgresBranches()
}

func (s *suite) account() {
	ctx, c := s.ctx, s.c
	orgs, err := c.Organizations.List(ctx)
	s.does("Organizations.List", err, has(orgs, func(o *ps.Organization) bool { return o.Name == org }))
	one, err := c.Organizations.Get(ctx, &ps.GetOrganizationRequest{Organization: org})
	s.does("Organizations.Get", err, or(one).Name == org, !or(one).CreatedAt.IsZero())
	_, err = c.Organizations.Get(ctx, &ps.GetOrganizationRequest{Organization: "nobody"})
	s.missing("Organizations.Get", err)
	regions, err := c.Organizations.ListRegions(ctx, &ps.ListOrganizationRegionsRequest{Organization: org})
	s.does("Organizations.ListRegions", err, len(regions) == 1, has(regions, func(r *ps.Region) bool { return r.Slug == "local" && r.Enabled }))
	regions, err = c.Regions.List(ctx, &ps.ListRegionsRequest{})
	s.does("Regions.List", err, len(regions) == 1, has(regions, func(r *ps.Region) bool { return r.Slug == "local" }))
	skus, err := c.Organizations.ListClusterSKUs(ctx, &ps.ListOrganizationClusterSKUsRequest{Organization: org}, ps.WithRates())
	s.does("Organizations.ListClusterSKUs", err, has(skus, func(k *ps.ClusterSKU) bool { return k.Name == "PS_10" && k.Enabled && k.Rate != nil }))
}

func (s *suite) databases() {
	ctx, c := s.ctx, s.c
	made, err := c.Databases.Create(ctx, &ps.CreateDatabaseRequest{Organization: org, Name: database, ClusterSize: "PS_10", Kind: ps.DatabaseEngineMySQL})
	s.does("Databases.Create", err, or(made).Name == database, or(made).Kind == "mysql")
	get := &ps.GetDatabaseRequest{Organization: org, Database: database}
	ready := until(func() bool { d, err := c.Databases.Get(ctx, get); return err == nil && d.State == ps.DatabaseReady })
	one, err := c.Databases.Get(ctx, get)
	s.does("Databases.Get", err, ready, or(one).Name == database)
	_, err = c.Databases.Get(ctx, &ps.GetDatabaseRequest{Organization: org, Database: "nobody"})
	s.missing("Databases.Get", err)
	named := func(d *ps.Database) bool { return d.Name == database }
	all, err := c.Databases.List(ctx, &ps.ListDatabasesRequest{Organization: org}, ps.WithPage(1), ps.WithPerPage(100))
	none, far := c.Databases.List(ctx, &ps.ListDatabasesRequest{Organization: org}, ps.WithPage(9999))
	s.does("Databases.List", errors.Join(err, far), has(all, named), len(none) == 0)
	_, err = c.Databases.UpdateSettings(ctx, &ps.UpdateDatabaseSettingsRequest{Organization: org, Database: database, AllowDataBranching: ptr(true)})
	s.does("Databases.UpdateSettings", err)
}

func (s *suite) branches() {
	ctx, c := s.ctx, s.c
	b := c.DatabaseBranches
	made, err := b.Create(ctx, &ps.CreateDatabaseBranchRequest{Organization: org, Database: database, Name: branch, ParentBranch: "main"})
	s.does("DatabaseBranches.Create", err, or(made).Name == branch, or(made).ParentBranch == "main", !or(made).Production)
	_, again := b.Create(ctx, &ps.CreateDatabaseBranchRequest{Organization: org, Database: database, Name: "dev/../x"})
	var e *ps.Error
	if !errors.As(again, &e) || e.Code != ps.ErrRetry && e.Code != ps.ErrInvalid {
		s.note("DatabaseBranches.Create", "fails", fmt.Sprintf("a name that is none: %v", again))
	}
	get := &ps.GetDatabaseBranchRequest{Organization: org, Database: database, Branch: branch}
	ready := until(func() bool { d, err := b.Get(ctx, get); return err == nil && d.Ready })
	one, err := b.Get(ctx, get)
	s.does("DatabaseBranches.Get", err, ready, or(one).Name == branch, or(one).ID == or(made).ID)
	byID, err := b.Get(ctx, &ps.GetDatabaseBranchRequest{Organization: org, Database: database, Branch: or(made).ID})
	s.does("DatabaseBranches.Get", err, or(byID).Name == branch)
	_, err = b.Get(ctx, &ps.GetDatabaseBranchRequest{Organization: org, Database: database, Branch: "nobody"})
	s.missing("DatabaseBranches.Get", err)
	all, err := b.List(ctx, &ps.ListDatabaseBranchesRequest{Organization: org, Database: database})
	s.does("DatabaseBranches.List", err, len(all) == 2, has(all, func(x *ps.DatabaseBranch) bool { return x.Name == branch }))
	schema, err := b.Schema(ctx, &ps.BranchSchemaRequest{Organization: org, Database: database, Branch: branch})
	s.does("DatabaseBranches.Schema", err, len(schema) == 0)
	diff, err := b.Diff(ctx, &ps.DiffBranchRequest{Organization: org, Database: database, Branch: branch})
	s.does("DatabaseBranches.Diff", err, len(diff) == 0)
	lint, err := b.LintSchema(ctx, &ps.LintSchemaRequest{Organization: org, Database: database, Branch: branch})
	s.does("DatabaseBranches.LintSchema", err, len(lint) == 0)
	s.does("DatabaseBranches.RefreshSchema", b.RefreshSchema(ctx, &ps.RefreshSchemaRequest{Organization: org, Database: database, Branch: branch}))
	skus, err := b.ListClusterSKUs(ctx, &ps.ListBranchClusterSKUsRequest{Organization: org, Database: database, Branch: branch}, ps.WithRates())
	s.does("DatabaseBranches.ListClusterSKUs", err, has(skus, func(k *ps.ClusterSKU) bool { return k.Name == "PS_10" }))
	up, err := b.Promote(ctx, &ps.PromoteRequest{Organization: org, Database: database, Branch: branch})
	s.does("DatabaseBranches.Promote", err, or(up).Production)
	down, err := b.Demote(ctx, &ps.DemoteRequest{Organization: org, Database: database, Branch: branch})
	s.does("DatabaseBranches.Demote", err, !or(down).Production)
	resizes, err := b.ListResizes(ctx, &ps.ListBranchResizesRequest{Organization: org, Database: database, Branch: branch})
	s.does("DatabaseBranches.ListResizes", err, len(resizes) == 0)
	s.does("DatabaseBranches.CancelResize", b.CancelResize(ctx, &ps.CancelBranchResizeRequest{Organization: org, Database: database, Branch: branch}))
	// There never was a resize: the client says so when the list is empty.
	_, err = b.ResizeStatus(ctx, &ps.BranchResizeStatusRequest{Organization: org, Database: database, Branch: branch})
	s.does("DatabaseBranches.ResizeStatus", nil, code(err) == ps.ErrNotFound)
	s.safeMigrations()
	infra, err := c.BranchInfrastructure.Get(ctx, &ps.GetBranchInfrastructureRequest{Organization: org, Database: database, Branch: branch})
	s.does("BranchInfrastructure.Get", err, or(infra).Type != "PostgresInfrastructure", or(infra).Vitess != nil)
	ro, err := c.ReadOnlyRegions.List(ctx, &ps.ListReadOnlyRegionsRequest{Organization: org, Database: database})
	s.does("ReadOnlyRegions.List", err, len(ro) == 0)
}

// Safe migrations are for production branches.
func (s *suite) safeMigrations() {
	ctx, b := s.ctx, s.c.DatabaseBranches
	on, err := b.EnableSafeMigrations(ctx, &ps.EnableSafeMigrationsRequest{Organization: org, Database: database, Branch: "main"})
	s.does("DatabaseBranches.EnableSafeMigrations", err, or(on).SafeMigrations)
	_, development := b.EnableSafeMigrations(ctx, &ps.EnableSafeMigrationsRequest{Organization: org, Database: database, Branch: branch})
	if code(development) != ps.ErrRetry {
		s.note("DatabaseBranches.EnableSafeMigrations", "fails", fmt.Sprintf("a development branch: %v", development))
	}
	off, err := b.DisableSafeMigrations(ctx, &ps.DisableSafeMigrationsRequest{Organization: org, Database: database, Branch: "main"})
	s.does("DatabaseBranches.DisableSafeMigrations", err, !or(off).SafeMigrations)
}

func (s *suite) keyspaces() {
	ctx, k := s.ctx, s.c.Keyspaces
	made, err := k.Create(ctx, &ps.CreateKeyspaceRequest{Organization: org, Database: database, Branch: branch, Name: "carts", ClusterSize: "PS_DEV", Shards: 1})
	s.does("Keyspaces.Create", err, or(made).Name == "carts", or(made).Shards == 1)
	_, sharded := k.Create(ctx, &ps.CreateKeyspaceRequest{Organization: org, Database: database, Branch: branch, Name: "many", ClusterSize: "PS_DEV", Shards: 4})
	if code(sharded) != ps.ErrRetry {
		s.note("Keyspaces.Create", "fails", fmt.Sprintf("four shards: %v", sharded))
	}
	one, err := k.Get(ctx, &ps.GetKeyspaceRequest{Organization: org, Database: database, Branch: branch, Keyspace: "carts", Full: true})
	s.does("Keyspaces.Get", err, or(one).Ready, !or(one).Sharded)
	_, err = k.Get(ctx, &ps.GetKeyspaceRequest{Organization: org, Database: database, Branch: branch, Keyspace: "nobody"})
	s.missing("Keyspaces.Get", err)
	all, err := k.List(ctx, &ps.ListKeyspacesRequest{Organization: org, Database: database, Branch: branch})
	s.does("Keyspaces.List", err, len(all) == 2, has(all, func(x *ps.Keyspace) bool { return x.Name == database }))
	vschema, err := k.VSchema(ctx, &ps.GetKeyspaceVSchemaRequest{Organization: org, Database: database, Branch: branch, Keyspace: "carts"})
	s.does("Keyspaces.VSchema", err, or(vschema).Raw != "")
	rollout, err := k.RolloutStatus(ctx, &ps.KeyspaceRolloutStatusRequest{Organization: org, Database: database, Branch: branch, Keyspace: "carts"})
	s.does("Keyspaces.RolloutStatus", err, or(rollout).State == "complete")
	resize, err := k.Resize(ctx, &ps.ResizeKeyspaceRequest{Organization: org, Database: database, Branch: branch, Keyspace: "carts", ClusterSize: ptr("PS_10")})
	s.does("Keyspaces.Resize", err, or(resize).ClusterSize == "PS_10")
	_, unknown := k.Resize(ctx, &ps.ResizeKeyspaceRequest{Organization: org, Database: database, Branch: branch, Keyspace: "carts", ClusterSize: ptr("PS_11")})
	if code(unknown) != ps.ErrRetry {
		s.note("Keyspaces.Resize", "fails", fmt.Sprintf("a size that is none: %v", unknown))
	}
	status, err := k.ResizeStatus(ctx, &ps.KeyspaceResizeStatusRequest{Organization: org, Database: database, Branch: branch, Keyspace: "carts"})
	s.does("Keyspaces.ResizeStatus", err, or(status).ClusterSize == "PS_10")
	s.does("Keyspaces.CancelResize", k.CancelResize(ctx, &ps.CancelKeyspaceResizeRequest{Organization: org, Database: database, Branch: branch, Keyspace: "carts"}))
	same, settings := k.UpdateSettings(ctx, &ps.UpdateKeyspaceSettingsRequest{
		Organization: org, Database: database, Branch: branch, Keyspace: "carts",
		ReplicationDurabilityConstraints: or(one).ReplicationDurabilityConstraints, VReplicationFlags: or(one).VReplicationFlags,
	})
	none, err := k.UpdateReadOnlyRegions(ctx, &ps.UpdateReadOnlyRegionsRequest{Organization: org, Database: database, Branch: branch, Keyspace: "carts", ReadOnlyRegions: []*ps.ReadOnlyRegionKeyspaceConfig{}})
	s.does("Keyspaces.UpdateReadOnlyRegions", err, len(none) == 0)
	_, err = k.UpdateReadOnlyRegions(ctx, &ps.UpdateReadOnlyRegionsRequest{Organization: org, Database: database, Branch: branch, Keyspace: "carts", ReadOnlyRegions: []*ps.ReadOnlyRegionKeyspaceConfig{{Region: "local"}}})
	if code(err) != ps.ErrRetry {
		s.note("Keyspaces.UpdateReadOnlyRegions", "fails", fmt.Sprintf("a region: %v", err))
	}
	s.does("Keyspaces.UpdateSettings", settings, or(same).Name == "carts")
	s.does("Keyspaces.Delete", k.Delete(ctx, &ps.DeleteKeyspaceRequest{Organization: org, Database: database, Branch: branch, Keyspace: "carts"}))
}

func (s *suite) passwords() {
	ctx, p := s.ctx, s.c.Passwords
	made, err := p.Create(ctx, &ps.DatabaseBranchPasswordRequest{Organization: org, Database: database, Branch: branch, Name: "ci", Role: "writer", TTL: 3600})
	id := or(made).PublicID
	s.does("Passwords.Create", err, id != "", or(made).PlainText != "", or(made).Role == "writer", or(made).TTL == 3600, or(made).Renewable, or(made).Hostname != "")
	one, err := p.Get(ctx, &ps.GetDatabaseBranchPasswordRequest{Organization: org, Database: database, Branch: branch, PasswordId: id})
	s.does("Passwords.Get", err, or(one).Name == "ci", or(one).PlainText == "", or(one).Branch.Name == branch)
	_, err = p.Get(ctx, &ps.GetDatabaseBranchPasswordRequest{Organization: org, Database: database, Branch: branch, PasswordId: "nobodynobody"})
	s.missing("Passwords.Get", err)
	for _, of := range []string{branch, ""} {
		all, err := p.List(ctx, &ps.ListDatabaseBranchPasswordRequest{Organization: org, Database: database, Branch: of}, ps.WithSearch("ci"), ps.WithStatus("active"))
		s.does("Passwords.List", err, has(all, func(x *ps.DatabaseBranchPassword) bool { return x.PublicID == id }))
	}
	renewed, err := p.Renew(ctx, &ps.RenewDatabaseBranchPasswordRequest{Organization: org, Database: database, Branch: branch, PasswordId: id})
	s.does("Passwords.Renew", err, !or(renewed).ExpiresAt.Before(or(made).ExpiresAt))
	gone := &ps.DeleteDatabaseBranchPasswordRequest{Organization: org, Database: database, Branch: branch, PasswordId: id}
	s.does("Passwords.Delete", p.Delete(ctx, gone))
	_, err = p.Renew(ctx, &ps.RenewDatabaseBranchPasswordRequest{Organization: org, Database: database, Branch: branch, PasswordId: id})
	s.missing("Passwords.Renew", err)
}

func (s *suite) backups() {
	ctx, b := s.ctx, s.c.Backups
	made, err := b.Create(ctx, &ps.CreateBackupRequest{Organization: org, Database: database, Branch: branch, Name: "before", RetentionUnit: "day", RetentionValue: 2})
	id := or(made).PublicID
	s.does("Backups.Create", err, id != "", or(made).Name == "before")
	get := &ps.GetBackupRequest{Organization: org, Database: database, Branch: branch, Backup: id}
	good := until(func() bool { x, err := b.Get(ctx, get); return err == nil && x.State == "success" })
	one, err := b.Get(ctx, get)
	s.does("Backups.Get", err, good, or(one).Size > 0, or(one).CompletedAt.After(or(one).CreatedAt), or(one).ExpiresAt.After(time.Now().Add(40*time.Hour)))
	all, err := b.List(ctx, &ps.ListBackupsRequest{Organization: org, Database: database, Branch: branch})
	s.does("Backups.List", err, has(all, func(x *ps.Backup) bool { return x.PublicID == id }))
	restored, err := s.c.DatabaseBranches.Create(ctx, &ps.CreateDatabaseBranchRequest{Organization: org, Database: database, Name: "restored", BackupID: id, ClusterSize: "PS_10"})
	s.does("DatabaseBranches.Create", err, or(restored).Name == "restored")
	whole := until(func() bool {
		x, err := s.c.DatabaseBranches.Get(ctx, &ps.GetDatabaseBranchRequest{Organization: org, Database: database, Branch: "restored"})
		return err == nil && x.Ready
	})
	s.does("DatabaseBranches.Create", nil, whole)
	s.does("DatabaseBranches.Delete", s.c.DatabaseBranches.Delete(ctx, &ps.DeleteDatabaseBranchRequest{Organization: org, Database: database, Branch: "restored"}))
	s.does("Backups.Delete", b.Delete(ctx, &ps.DeleteBackupRequest{Organization: org, Database: database, Branch: branch, Backup: id}))
	_, err = b.Get(ctx, &ps.GetBackupRequest{Organization: org, Database: database, Branch: branch, Backup: "nobodynobody"})
	s.missing("Backups.Get", err)
}

func (s *suite) policies() {
	ctx, b := s.ctx, s.c.BackupPolicies
	made, err := b.Create(ctx, &ps.CreateBackupPolicyRequest{
		Organization: org, Database: database, Name: "nightly", Target: "development", RetentionValue: 2, RetentionUnit: "day",
		FrequencyValue: 1, FrequencyUnit: "day", ScheduleTime: "03:00",
	})
	id := or(made).ID
	s.does("BackupPolicies.Create", err, id != "", or(made).FrequencyUnit == "day", or(made).ScheduleTime == "03:00")
	one, err := b.Get(ctx, &ps.GetBackupPolicyRequest{Organization: org, Database: database, Policy: id})
	s.does("BackupPolicies.Get", err, or(one).Name == "nightly", !or(one).Required)
	all, err := b.List(ctx, &ps.ListBackupPoliciesRequest{Organization: org, Database: database})
	s.does("BackupPolicies.List", err, has(all, func(x *ps.BackupPolicy) bool { return x.ID == id }))
	other, err := b.Update(ctx, &ps.UpdateBackupPolicyRequest{Organization: org, Database: database, Policy: id, RetentionValue: ptr(3)})
	s.does("BackupPolicies.Update", err, or(other).RetentionValue == 3, or(other).Name == "nightly")
	s.does("BackupPolicies.Delete", b.Delete(ctx, &ps.DeleteBackupPolicyRequest{Organization: org, Database: database, Policy: id}))
	_, err = b.Get(ctx, &ps.GetBackupPolicyRequest{Organization: org, Database: database, Policy: id})
	s.missing("BackupPolicies.Get", err)
}

func (s *suite) tokens() {
	ctx, t := s.ctx, s.c.ServiceTokens
	made, err := t.Create(ctx, &ps.CreateServiceTokenRequest{Organization: org, Name: ptr("robot"), TTL: ptr(3600)})
	id := or(made).ID
	s.does("ServiceTokens.Create", err, len(id) == 12, strings.HasPrefix(or(made).Token, "pscale_tkn_"))
	all, err := t.List(ctx, &ps.ListServiceTokensRequest{Organization: org})
	s.does("ServiceTokens.List", err, has(all, func(x *ps.ServiceToken) bool { return x.ID == id && x.Token == "" }))
	added, err := t.AddAccess(ctx, &ps.AddServiceTokenAccessRequest{Organization: org, ID: id, Database: database, Accesses: []string{"read_branch", "create_branch"}})
	s.does("ServiceTokens.AddAccess", err, len(added) >= 2)
	access, err := t.GetAccess(ctx, &ps.GetServiceTokenAccessRequest{Organization: org, ID: id})
	s.does("ServiceTokens.GetAccess", err, has(access, func(x *ps.ServiceTokenAccess) bool { return x.Access == "read_branch" }))
	grants, err := t.ListGrants(ctx, &ps.ListServiceTokenGrantsRequest{Organization: org, ID: id})
	s.does("ServiceTokens.ListGrants", err, has(grants, func(x *ps.ServiceTokenGrant) bool { return x.ResourceName == database && len(x.Accesses) == 2 }))
	err = t.DeleteAccess(ctx, &ps.DeleteServiceTokenAccessRequest{Organization: org, ID: id, Database: database, Accesses: []string{"create_branch"}})
	left, again := t.GetAccess(ctx, &ps.GetServiceTokenAccessRequest{Organization: org, ID: id})
	s.does("ServiceTokens.DeleteAccess", errors.Join(err, again), len(left) == 1)
	s.does("ServiceTokens.Delete", t.Delete(ctx, &ps.DeleteServiceTokenRequest{Organization: org, ID: id}))
	s.missing("ServiceTokens.Delete", t.Delete(ctx, &ps.DeleteServiceTokenRequest{Organization: org, ID: id}))
}

func (s *suite) webhooks() {
	ctx, w := s.ctx, s.c.Webhooks
	made, err := w.Create(ctx, &ps.CreateWebhookRequest{Organization: org, Database: database, URL: "https://hooks.example.com/x", Enabled: ptr(false), Events: []string{"branch.ready"}})
	id := or(made).ID
	s.does("Webhooks.Create", err, id != "", or(made).Secret != "", !or(made).Enabled)
	one, err := w.Get(ctx, &ps.GetWebhookRequest{Organization: org, Database: database, ID: id})
	s.does("Webhooks.Get", err, or(one).URL == "https://hooks.example.com/x")
	all, err := w.List(ctx, &ps.ListWebhooksRequest{Organization: org, Database: database})
	s.does("Webhooks.List", err, has(all, func(x *ps.Webhook) bool { return x.ID == id }))
	other, err := w.Update(ctx, &ps.UpdateWebhookRequest{Organization: org, Database: database, ID: id, URL: ptr("https://hooks.example.com/y"), Events: []string{"branch.ready", "branch.sleeping"}})
	s.does("Webhooks.Update", err, or(other).URL == "https://hooks.example.com/y", len(or(other).Events) == 2)
	s.does("Webhooks.Test", w.Test(ctx, &ps.TestWebhookRequest{Organization: org, Database: database, ID: id}))
	s.does("Webhooks.Delete", w.Delete(ctx, &ps.DeleteWebhookRequest{Organization: org, Database: database, ID: id}))
	_, err = w.Get(ctx, &ps.GetWebhookRequest{Organization: org, Database: database, ID: id})
	s.missing("Webhooks.Get", err)
}

func (s *suite) processes() {
	ctx, p := s.ctx, s.c.Processlist
	_, err := p.List(ctx, &ps.ProcesslistRequest{Organization: org, Database: database, Branch: branch})
	s.does("Processlist.List", err)
	_, err = p.Kill(ctx, &ps.KillProcessRequest{Organization: org, Database: database, Branch: branch, ID: 4294967290})
	// There is no such connection; connections that are there are killed in a test of the server's own.
	s.does("Processlist.Kill", nil, code(err) == ps.ErrNotFound)
	page, err := s.c.AuditLogs.List(ctx, &ps.ListAuditLogsRequest{Organization: org, Events: []ps.AuditLogEvent{ps.AuditLogEventBranchCreated}}, ps.WithLimit(1))
	s.does("AuditLogs.List", err, page != nil && len(page.Data) == 1 && page.HasNext && page.CursorEnd != nil)
	if page != nil && page.CursorEnd != nil {
		next, err := s.c.AuditLogs.List(ctx, &ps.ListAuditLogsRequest{Organization: org, Events: []ps.AuditLogEvent{ps.AuditLogEventBranchCreated}}, ps.WithLimit(1), ps.WithStartingAfter(*page.CursorEnd))
		s.does("AuditLogs.List", err, next != nil && len(next.Data) == 1 && !reflect.DeepEqual(next.Data, page.Data))
	}
}

// postgresBranches: the client has a second view of the paths of branches, which leads to MySQL branches here.
func (s *suite) postgresBranches() {
	ctx, b := s.ctx, s.c.PostgresBranches
	made, err := b.Create(ctx, &ps.CreatePostgresBranchRequest{Organization: org, Database: database, Name: "second", ParentBranch: "main"})
	s.does("PostgresBranches.Create", err, or(made).Name == "second")
	get := &ps.GetPostgresBranchRequest{Organization: org, Database: database, Branch: "second"}
	ready := until(func() bool { x, err := b.Get(ctx, get); return err == nil && x.Ready })
	s.does("PostgresBranches.Get", nil, ready)
	all, err := b.List(ctx, &ps.ListPostgresBranchesRequest{Organization: org, Database: database})
	s.does("PostgresBranches.List", err, has(all, func(x *ps.PostgresBranch) bool { return x.Name == "second" }))
	schema, err := b.Schema(ctx, &ps.PostgresBranchSchemaRequest{Organization: org, Database: database, Branch: "second"})
	s.does("PostgresBranches.Schema", err, len(schema) == 0)
	_, err = b.ListClusterSKUs(ctx, &ps.ListBranchClusterSKUsRequest{Organization: org, Database: database, Branch: "second"})
	s.does("PostgresBranches.ListClusterSKUs", err)
	s.does("PostgresBranches.Delete", b.Delete(ctx, &ps.DeletePostgresBranchRequest{Organization: org, Database: database, Branch: "second"}))
}

// gone deletes what the run made; that is checked as well.
func (s *suite) gone() {
	ctx := s.ctx
	s.does("DatabaseBranches.Delete", s.c.DatabaseBranches.Delete(ctx, &ps.DeleteDatabaseBranchRequest{Organization: org, Database: database, Branch: branch, DeleteDescendants: true}))
	request, err := s.c.Databases.Delete(ctx, &ps.DeleteDatabaseRequest{Organization: org, Database: database})
	s.does("Databases.Delete", err, request == nil)
	left := func() bool {
		_, err := s.c.Databases.Get(ctx, &ps.GetDatabaseRequest{Organization: org, Database: database})
		return code(err) == ps.ErrNotFound
	}
	s.does("Databases.Delete", nil, until(left))
}

// code is the client's code of an error, empty where there is none.
func code(err error) ps.ErrorCode {
	var e *ps.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
