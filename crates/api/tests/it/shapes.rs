//! Every field that PlanetScale's clients read is in the shapes, by name and JSON type.
//! Letters after the colon: s string, i integer, b boolean, t time, a array, o object; `?` = may be null.

use serde_json::Value;

const SHAPES: &[(&str, &str)] = &[
    (
        "Organization",
        "id:s name:s billing_email:s created_at:t updated_at:t plan:s valid_billing_info:b sso:b \
         sso_directory:b single_tenancy:b managed_tenancy:b has_past_due_invoices:b \
         database_count:i sso_portal_url:s? features:o idp_managed_roles:b \
         invoice_budget_amount:s keyspace_shard_limit:i has_card:b payment_info_required:b",
    ),
    (
        "Database",
        "id:s url:s branches_url:s branches_count:i open_schema_recommendations_count:i \
         development_branches_count:i production_branches_count:i issues_count:i \
         multiple_admins_required_for_deletion:b ready:b at_backup_restore_branches_limit:b \
         at_development_branch_usage_limit:b region:o html_url:s name:s state:o sharded:b \
         default_branch_shard_count:i default_branch_read_only_regions_count:i \
         default_branch_table_count:i default_branch:s require_approval_for_deploy:b \
         deletion_protected:b resizing:b resize_queued:b config_changing:b \
         config_change_queued:b allow_data_branching:b foreign_keys_enabled:b \
         automatic_migrations:b? restrict_branch_region:b insights_raw_queries:b plan:s \
         insights_enabled:b production_branch_web_console:b migration_table_name:s? \
         migration_framework:s? created_at:t updated_at:t schema_last_updated_at:t? kind:s",
    ),
    (
        "Branch",
        "id:s name:s created_at:t updated_at:t deleted_at:t? restore_checklist_completed_at:t? \
         schema_last_updated_at:t? kind:s mysql_address:s mysql_edge_address:s state:o \
         direct_vtgate:b vtgate_size:s vtgate_name:s? vtgate_count:i vtgate_autoscaling:b \
         vtgate_max_count:i? vtgate_target_cpu_utilization:i? cluster_name:s cluster_iops:i? \
         ready:b schema_ready:b metal:b production:b safe_migrations:b deletion_protected:b \
         sharded:b shard_count:i keyspace_count:i stale_schema:b actor:o? \
         restored_from_branch:o? private_edge_connectivity:b has_replicas:b \
         has_read_only_replicas:b html_url:s url:s region:o parent_branch:s? vtgate_options:o",
    ),
    (
        "Password",
        "id:s name:s role:s cidrs:a? created_at:t deleted_at:t? expires_at:t? last_used_at:t? \
         expired:b direct_vtgate:b direct_vtgate_addresses:a ttl_seconds:i? access_host_url:s \
         access_host_regional_url:s access_host_regional_urls:a actor:o? region:o? username:s \
         plain_text:s? replica:b renewable:b database_branch:o",
    ),
    (
        "PasswordBranch",
        "name:s id:s production:b mysql_edge_address:s private_edge_connectivity:b",
    ),
    (
        "Backup",
        "id:s name:s state:o size:i estimated_storage_cost:i created_at:t updated_at:t \
         started_at:t? expires_at:t? completed_at:t? deleted_at:t? pvc_size:i \
         uncompressed_size:i protected:b required:b restored_branches:a actor:o? \
         backup_policy:o? database_branch:o?",
    ),
    (
        "BackupPolicy",
        "id:s display_name:s name:s target:o retention_value:i retention_unit:o \
         frequency_value:i frequency_unit:o schedule_time:s schedule_day:i? schedule_week:i? \
         created_at:t updated_at:t last_ran_at:t? next_run_at:t? required:b",
    ),
    (
        "Keyspace",
        "id:s name:s shards:i sharded:b replicas:i extra_replicas:i created_at:t updated_at:t \
         cluster_name:s cluster_display_name:s resizing:b resize_in_progress:b resize_pending:b \
         config_change_in_progress:b ready:b metal:b default:b imported:b \
         vector_pool_allocation:i? node_ttl_strategy:s replication_durability_constraints:o \
         vreplication_flags:o mysqld_options:o vttablet_options:o read_only_regions:a",
    ),
    (
        "Webhook",
        "id:s url:s secret:s? enabled:b last_sent_result:s? last_sent_success:b? last_sent_at:t? \
         created_at:t updated_at:t events:a",
    ),
    (
        "ServiceToken",
        "id:s name:s? display_name:s token:s? avatar_url:s created_at:t updated_at:t \
         expires_at:t? last_used_at:t? actor_id:s? actor_display_name:s? actor_type:s? \
         service_token_accesses:a?",
    ),
    (
        "TokenAccess",
        "id:s access:s description:s resource_name:s resource_id:s resource_type:s resource:o",
    ),
    (
        "AuditLog",
        "id:s actor_id:s? actor_type:s? auditable_id:s? auditable_type:s? target_id:s? \
         target_type:s? location:s? target_display_name:s? audit_action:s action:s \
         actor_display_name:s auditable_display_name:s remote_ip:s? created_at:t updated_at:t \
         metadata:o?",
    ),
    (
        "Region",
        "id:s provider:s enabled:b public_ip_addresses:a display_name:s location:s slug:s \
         current_default:b mysql_supported:b postgresql_supported:b",
    ),
    ("Actor", "id:s display_name:s avatar_url:s"),
    ("ErrorBody", "code:s message:s"),
];

#[test]
fn shapes_have_the_fields_that_clients_read() {
    let document = serde_json::to_value(offshoot_api::openapi()).unwrap();
    for (shape, fields) in SHAPES {
        let properties = &document["components"]["schemas"][shape]["properties"];
        for field in fields.split_whitespace() {
            let (name, letter) = field.split_once(':').unwrap();
            let property = &properties[name];
            assert!(!property.is_null(), "{shape} has no {name}");
            assert!(fits(property, letter), "{shape}.{name} is {property}");
        }
    }
}

fn fits(property: &Value, letter: &str) -> bool {
    let nullable = letter.ends_with('?');
    let wanted = match letter.trim_end_matches('?') {
        "s" | "t" => "string",
        "i" => "integer",
        "b" => "boolean",
        "a" => "array",
        // Objects and named enums are references, nullable ones a choice of references.
        _ => {
            return property["$ref"].is_string()
                || property["type"] == "object"
                || (nullable && (property["oneOf"].is_array() || property["type"].is_array()));
        }
    };
    let time = !letter.starts_with('t') || property["format"] == "date-time";
    let kind = match &property["type"] {
        Value::Array(kinds) => nullable && kinds.iter().any(|k| k == wanted),
        kind => !nullable && *kind == wanted,
    };
    kind && time
}
