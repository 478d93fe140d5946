# Every resource and data source of PlanetScale's provider that has a meaning for MySQL databases.
terraform {
  required_providers {
    planetscale = { source = "planetscale/planetscale" }
  }
}

# Server and token come from PLANETSCALE_SERVER_URL, PLANETSCALE_SERVICE_TOKEN_ID and PLANETSCALE_SERVICE_TOKEN.
provider "planetscale" {}

# What the second apply changes.
variable "changed" {
  type    = bool
  default = false
}

locals {
  organization = "default"
  database     = "tfshop"
}

# The database is made with its first branch.
resource "planetscale_vitess_branch" "main" {
  organization = local.organization
  database     = local.database
  name         = "main"
  cluster_size = "PS_10"
}

resource "planetscale_vitess_branch" "dev" {
  organization       = local.organization
  database           = planetscale_vitess_branch.main.database
  name               = "dev"
  parent_branch      = planetscale_vitess_branch.main.name
  deletion_protected = false
}

# Nothing refers to it: the provider replaces what refers to a branch that it changes.
resource "planetscale_vitess_branch" "renamed" {
  organization       = local.organization
  database           = planetscale_vitess_branch.main.database
  name               = var.changed ? "after" : "before"
  deletion_protected = !var.changed
}

# A keyspace has the size of its branch, and gives it another one: they share one engine.
resource "planetscale_vitess_keyspace" "carts" {
  organization   = local.organization
  database       = local.database
  branch         = planetscale_vitess_branch.dev.name
  name           = "carts"
  cluster_size   = var.changed ? "PS_10" : "PS_DEV"
  extra_replicas = 0
}

resource "planetscale_vitess_branch_password" "app" {
  organization = local.organization
  database     = local.database
  branch       = planetscale_vitess_branch.dev.id
  name         = var.changed ? "app2" : "app"
  role         = "readwriter"
  cidrs        = var.changed ? ["127.0.0.0/8", "10.0.0.0/8"] : ["127.0.0.0/8"]
}

# Of a development branch: the last good backup of a production branch cannot be deleted alone.
# Its retention is not among what the provider reads, so one that is imported would be replaced.
resource "planetscale_vitess_branch_backup" "before" {
  organization = local.organization
  database     = local.database
  branch       = planetscale_vitess_branch.dev.id
  name         = "before"
}

resource "planetscale_vitess_backup_policy" "nightly" {
  organization    = local.organization
  database        = planetscale_vitess_branch.main.database
  name            = "nightly"
  target          = "development"
  retention_value = var.changed ? 3 : 2
  retention_unit  = "day"
  frequency_value = 1
  frequency_unit  = "day"
  schedule_time   = "03:00"
}

data "planetscale_organization" "one" {
  organization = local.organization
}

data "planetscale_organizations" "all" {}

data "planetscale_databases" "all" {
  organization = local.organization
  depends_on   = [planetscale_vitess_branch.main]
}

data "planetscale_database_vitess" "one" {
  organization = local.organization
  id           = planetscale_vitess_branch.main.database
}

data "planetscale_vitess_branch" "one" {
  organization = local.organization
  database     = local.database
  id           = planetscale_vitess_branch.dev.id
}

data "planetscale_vitess_keyspace" "one" {
  organization = local.organization
  database     = local.database
  branch       = planetscale_vitess_branch.dev.id
  name         = planetscale_vitess_keyspace.carts.name
}

data "planetscale_vitess_keyspaces" "all" {
  organization = local.organization
  database     = local.database
  branch       = planetscale_vitess_branch.dev.id
  depends_on   = [planetscale_vitess_keyspace.carts]
}

data "planetscale_vitess_branch_password" "one" {
  organization = local.organization
  database     = local.database
  branch       = planetscale_vitess_branch.dev.id
  id           = planetscale_vitess_branch_password.app.id
}

data "planetscale_vitess_branch_passwords" "all" {
  organization = local.organization
  database     = local.database
  branch       = planetscale_vitess_branch.dev.id
  depends_on   = [planetscale_vitess_branch_password.app]
}

data "planetscale_vitess_branch_backup" "one" {
  organization = local.organization
  database     = local.database
  branch       = planetscale_vitess_branch.dev.id
  id           = planetscale_vitess_branch_backup.before.id
}

data "planetscale_vitess_branch_backups" "all" {
  organization = local.organization
  database     = local.database
  branch       = planetscale_vitess_branch.dev.id
  depends_on   = [planetscale_vitess_branch_backup.before]
}

data "planetscale_vitess_backup_policy" "one" {
  organization = local.organization
  database     = local.database
  id           = planetscale_vitess_backup_policy.nightly.id
}

data "planetscale_vitess_backup_policies" "all" {
  organization = local.organization
  database     = local.database
  depends_on   = [planetscale_vitess_backup_policy.nightly]
}
