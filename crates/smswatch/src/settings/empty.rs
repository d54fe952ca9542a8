//! Sections of which every line is commented out, and keys without a value.

use serde_json::Value;

use super::problem::{Problem, escaped};
use super::walk;

/// Takes out every section and list without a value: with all of its lines commented out it is as good
/// as absent. A single option without a value is a problem, because it is probably a mistake.
pub(super) fn remove(whole: &Value, value: &mut Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    walk::visit(whole, value, &mut |value, pointer, schemas| {
        let Value::Object(object) = value else {
            return;
        };
        let shape = Value::Object(object.clone());
        object.retain(|name, value| {
            if !value.is_null() {
                return true;
            }
            let schemas = walk::property(whole, schemas, Some(&shape), name);
            if walk::takes(&schemas, "object") || walk::takes(&schemas, "array") {
                return false;
            }
            if !schemas.is_empty() {
                let place = format!("{pointer}/{}", escaped(name));
                problems.push(no_value(place, name));
            }
            true
        });
    });
    problems
}

/// An option that stands there without a value.
fn no_value(pointer: String, name: &str) -> Problem {
    let hint = format!("give it a value, or leave `{name}` out");
    Problem::new(pointer, format!("`{name}` has no value")).hint(hint)
}
