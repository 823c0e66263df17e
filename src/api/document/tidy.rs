//! Puts right how poem-openapi writes an operation.

use serde_json::{Map, Value, json};

/// As their names are written; poem-openapi writes them in capitals.
const HEADERS: [&str; 7] = [
    "ETag",
    "Location",
    "Cache-Control",
    "X-Rolecall-Subject",
    "X-Rolecall-Client",
    "X-Rolecall-Roles",
    "X-Rolecall-Permissions",
];

/// An operation as one would write it by hand.
pub(super) fn operation(operation: &mut Map<String, Value>) {
    for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        drop_noise(parameter);
        whole_bounds(&mut parameter["schema"]);
        known_format(&mut parameter["schema"]);
    }
    if let Some(request) = operation.get_mut("requestBody") {
        plain_media_type(request);
    }
    if let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) {
        responses.sort_keys();
        responses.values_mut().for_each(response);
    }
}

/// What is named and shared, likewise.
pub(super) fn schemas(document: &mut Value) {
    for (_, schema) in document["components"]["schemas"].as_object_mut().into_iter().flatten() {
        for (_, member) in schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten() {
            whole_bounds(member);
            known_format(member);
            say_once(member);
            no_default(member);
        }
    }
}

/// What stands beside a reference is not read, so poem-openapi wraps the reference, and says the member's description twice.
fn say_once(member: &mut Value) {
    if let Some(all) = member.get_mut("allOf").and_then(Value::as_array_mut) {
        all.truncate(1);
    }
}

fn response(response: &mut Value) {
    if response["description"] == "" {
        response["description"] = json!("Here it is.");
    }
    plain_media_type(response);
    let Some(headers) = response.get_mut("headers").and_then(Value::as_object_mut) else { return };
    for name in HEADERS {
        if let Some(mut header) = headers.remove(&name.to_uppercase()) {
            drop_noise(&mut header);
            headers.insert(name.into(), header);
        }
    }
}

/// `deprecated: false` says nothing; `explode` neither, where nothing is an array or an object.
fn drop_noise(parameter: &mut Value) {
    if let Some(parameter) = parameter.as_object_mut() {
        parameter.retain(|member, value| !(member == "deprecated" && *value == false || member == "explode"));
    }
}

/// An integer's bounds are integers: some generators stumble over `500.0`.
fn whole_bounds(schema: &mut Value) {
    for bound in ["minimum", "maximum"] {
        if schema["type"] == "integer"
            && let Some(number) = schema[bound].as_f64()
        {
            schema[bound] = json!(format!("{number:.0}").parse::<i64>().ok());
        }
    }
}

/// The formats that OpenAPI itself names: of others generators make the smallest integer there is.
fn known_format(schema: &mut Value) {
    let known = match schema["format"].as_str() {
        Some("uint64") => "int64",
        Some("uint8" | "uint16") => "int32",
        _ => return,
    };
    schema["format"] = json!(known);
    if schema["minimum"].is_null() {
        schema["minimum"] = json!(0);
    }
}

/// A member that may be left out stays one that may: for some generators a default says that it's always there.
fn no_default(schema: &mut Value) {
    if let Some(schema) = schema.as_object_mut() {
        schema.retain(|member, _| member != "default");
    }
}

/// JSON has no charset parameter (RFC 8259 §11).
fn plain_media_type(body: &mut Value) {
    if let Some(content) = body.get_mut("content").and_then(Value::as_object_mut)
        && let Some(json) = content.remove("application/json; charset=utf-8")
    {
        content.insert("application/json".into(), json);
    }
}
