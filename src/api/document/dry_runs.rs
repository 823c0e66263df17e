//! A dry run of a change is an operation of its own: one of a generated client has one answer.

use serde_json::{Map, Value, json};

use super::operations;
use crate::api::around::{CHANGES, DRY_RUN, DRY_RUNS};

const TAG: &str = "Dry runs";

/// Gives each change that takes `dry_run` a second path in its place.
pub(super) fn separate(document: &mut Value) {
    let mut dry_runs = Vec::new();
    for (path, method, operation) in operations(document) {
        if takes_dry_run(operation)
            && let Some(rest) = path.strip_prefix(CHANGES)
        {
            dry_runs.push((format!("{DRY_RUNS}{rest}"), dry_run_of(&path, &method, operation), method));
        }
    }
    for (path, operation, method) in dry_runs {
        document["paths"][path][method] = Value::Object(operation);
    }
    let tag = json!({ "name": TAG, "description": "What a change would do. Nothing is changed here." });
    if let Some(tags) = document["tags"].as_array_mut() {
        tags.push(tag);
    }
}

/// Whether the operation had the parameter, which it then has no more.
fn takes_dry_run(operation: &mut Map<String, Value>) -> bool {
    let Some(parameters) = operation.get_mut("parameters").and_then(Value::as_array_mut) else { return false };
    let all = parameters.len();
    parameters.retain(|parameter| parameter["name"] != DRY_RUN);
    let (left, took) = (parameters.len(), parameters.len() < all);
    if left == 0 {
        operation.remove("parameters");
    }
    took
}

fn dry_run_of(path: &str, method: &str, change: &Map<String, Value>) -> Map<String, Value> {
    let mut operation = change.clone();
    let text = |member: &str| change[member].as_str().unwrap_or_default();
    operation.insert("tags".into(), json!([TAG]));
    operation.insert("summary".into(), json!(format!("What if: {}", text("summary").to_lowercase())));
    let same = format!("`{} {path}?{DRY_RUN}=true` does the same.", method.to_uppercase());
    operation.insert("description".into(), json!(format!("What that would do, before you do it. {same}")));
    operation.insert("operationId".into(), json!(format!("{DRY_RUN}_{}", text("operationId"))));
    if let Some(responses) = operation["responses"].as_object_mut() {
        responses.retain(|status, _| !status.starts_with('2'));
        let schema = json!({ "$ref": "#/components/schemas/DryRun" });
        let told = json!({
            "description": "What would change: nothing has been.",
            "content": { "application/json": { "schema": schema } },
        });
        responses.insert("200".into(), told);
        responses.sort_keys();
    }
    operation
}
