//! Holds the direction of dependencies: which crate may name which, and who may open which door.

use std::path::{Path, PathBuf};

use cargo_metadata::{CargoOpt, DependencyKind, Metadata, MetadataCommand};

/// A crate, and the workspace crates that its shipped code may name.
const ROOMS: &[(&str, &[&str])] = &[
    ("smswatch-model", &[]),
    // The typed client, a feature, needs the last two.
    (
        "smswatch-api",
        &["smswatch-model", "smswatch-plugin", "smswatch-outbound"],
    ),
    ("smswatch-plugin", &["smswatch-model"]),
    ("smswatch-core", &["smswatch-model", "smswatch-plugin"]),
    ("smswatch-template", &["smswatch-model"]),
    (
        "smswatch-rules",
        &["smswatch-plugin", "smswatch-model", "smswatch-template"],
    ),
    ("smswatch-outbound", &["smswatch-plugin"]),
    ("smswatch-otlp", &["smswatch-plugin", "smswatch-outbound"]),
    (
        "smswatch-routee",
        &["smswatch-plugin", "smswatch-model", "smswatch-outbound"],
    ),
    (
        "smswatch-store-redis",
        &["smswatch-plugin", "smswatch-model"],
    ),
    (
        "smswatch-store-sqlite",
        &["smswatch-plugin", "smswatch-model"],
    ),
    ("smswatch-sink-alertmanager", &["smswatch-sink-kit"]),
    (
        "smswatch-sink-email",
        &["smswatch-plugin", "smswatch-model", "smswatch-outbound"],
    ),
    ("smswatch-sink-exec", &["smswatch-plugin", "smswatch-model"]),
    (
        "smswatch-sink-slack",
        &["smswatch-plugin", "smswatch-model", "smswatch-sink-kit"],
    ),
    (
        "smswatch-sink-kit",
        &["smswatch-plugin", "smswatch-model", "smswatch-outbound"],
    ),
    ("smswatch-pages", &["smswatch-api", "smswatch-model"]),
    (
        "smswatch-sink-webhook",
        &["smswatch-sink-kit", "smswatch-template"],
    ),
    (
        "smswatch-http",
        &[
            "smswatch-api",
            "smswatch-pages",
            "smswatch-core",
            "smswatch-plugin",
            "smswatch-model",
        ],
    ),
    ("smswatch-testkit", &["smswatch-plugin", "smswatch-model"]),
    ("routee-sim", &[]),
    (
        "smswatch",
        &[
            "smswatch-model",
            "smswatch-api",
            "smswatch-core",
            "smswatch-plugin",
            "smswatch-otlp",
            "smswatch-outbound",
            "smswatch-rules",
            "smswatch-routee",
            "smswatch-store-redis",
            "smswatch-store-sqlite",
            "smswatch-sink-alertmanager",
            "smswatch-sink-email",
            "smswatch-sink-exec",
            "smswatch-sink-slack",
            "smswatch-sink-webhook",
            "smswatch-http",
            "routee-sim",
        ],
    ),
    ("custom-sink", &["smswatch", "smswatch-sink-kit"]),
    (
        "smswatch-bench",
        &[
            "smswatch-model",
            "smswatch-api",
            "smswatch-core",
            "smswatch-plugin",
            "smswatch-rules",
            "smswatch-sink-email",
            "smswatch-sink-slack",
            "smswatch-sink-webhook",
            "smswatch-store-redis",
            "smswatch-store-sqlite",
            "smswatch-testkit",
            "routee-sim",
        ],
    ),
    ("xtask", &[]),
];

/// An outside crate that speaks somebody's protocol, and the only crates that may name it.
const DOORS: &[(&str, &[&str])] = &[
    ("redis", &["smswatch-store-redis", "smswatch-bench"]),
    ("rusqlite", &["smswatch-store-sqlite"]),
    ("lettre", &["smswatch-sink-email"]),
    ("rustix", &["smswatch-sink-exec"]),
    ("slack-morphism", &["smswatch-sink-slack"]),
    (
        "axum",
        &["smswatch-http", "smswatch-testkit", "smswatch-bench"],
    ),
    ("saphyr-parser", &["smswatch-rules"]),
    ("serde_yaml", &["smswatch-rules", "smswatch"]),
    ("minijinja", &["smswatch-template"]),
    ("prometheus-client", &["smswatch-core"]),
    ("opentelemetry-proto", &["smswatch-otlp"]),
    ("prost", &["smswatch-otlp"]),
    ("clap", &["smswatch", "routee-sim"]),
    ("rustls-native-certs", &["smswatch-outbound"]),
    ("flate2", &["smswatch-outbound", "smswatch-sink-webhook"]),
    ("tokio-rustls", &["smswatch-sink-email"]),
    ("maud", &["smswatch-pages", "smswatch-sink-email"]),
    ("cookie", &["smswatch-http"]),
    ("jsonschema", &["smswatch"]),
    ("mimalloc", &["smswatch"]),
    ("regex", &["smswatch-rules", "smswatch"]),
];

fn metadata() -> Metadata {
    MetadataCommand::new()
        .no_deps()
        .features(CargoOpt::AllFeatures)
        .exec()
        .expect("cargo can describe the workspace")
}

/// The shipped dependencies of every crate: dev-dependencies are free.
fn dependencies(metadata: &Metadata) -> impl Iterator<Item = (String, String)> {
    metadata.packages.iter().flat_map(|package| {
        let shipped = package
            .dependencies
            .iter()
            .filter(|d| d.kind == DependencyKind::Normal);
        shipped.map(|dependency| (package.name.to_string(), dependency.name.clone()))
    })
}

#[test]
fn crates_stay_in_their_rooms() {
    let metadata = metadata();
    let is_ours = |name: &str| metadata.packages.iter().any(|package| package.name == name);
    for (package, dependency) in dependencies(&metadata) {
        if !is_ours(&dependency) {
            continue;
        }
        let room = ROOMS.iter().find(|(name, _)| *name == package);
        let (_, allowed) = room.unwrap_or_else(|| panic!("`{package}` has no room yet"));
        assert!(
            allowed.contains(&dependency.as_str()),
            "`{package}` may not depend on `{dependency}`; see ARCHITECTURE.md, Rooms"
        );
    }
}

#[test]
fn every_protocol_has_one_door() {
    for (package, dependency) in dependencies(&metadata()) {
        let Some((_, allowed)) = DOORS.iter().find(|(door, _)| *door == dependency) else {
            continue;
        };
        assert!(
            allowed.contains(&package.as_str()),
            "`{package}` may not speak to `{dependency}` itself; see ARCHITECTURE.md, Rooms"
        );
    }
}

/// The parts of the engine that run, each with those others that it may name. Whatever is not in this list lies
/// below them and names none of them.
const STAGES: &[(&str, &[&str])] = &[
    ("alarm", &[]),
    ("observe", &["alarm"]),
    ("commit", &[]),
    ("route", &[]),
    ("gather", &[]),
    ("deliver", &[]),
    ("replicas", &[]),
    ("service", &["deliver", "route"]),
    (
        "engine",
        &[
            "alarm", "observe", "commit", "route", "gather", "deliver", "replicas", "service",
        ],
    ),
];

/// The source files of a folder and of those in it.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the engine has sources");
    let paths = entries.map(|entry| entry.expect("a readable folder").path());
    let (folders, files): (Vec<_>, Vec<_>) = paths.partition(|path| path.is_dir());
    let inner = folders.iter().flat_map(|folder| sources(folder));
    files.into_iter().chain(inner).collect()
}

#[test]
fn stages_know_one_another_by_their_inboxes_alone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../smswatch-core/src");
    let mut n_read = 0;
    for path in sources(&root) {
        let place = path.strip_prefix(&root).expect("it lies there");
        let first = place.iter().next().and_then(|part| part.to_str());
        let module = first.expect("a name").trim_end_matches(".rs");
        if module == "lib"
            || place.ends_with("tests.rs")
            || place.iter().any(|part| part == "tests")
        {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a readable file");
        // Unit tests put together what they need.
        let shipped = text.split("#[cfg(test)]").next().unwrap_or_default();
        assert!(
            module == "engine" || !shipped.contains("use crate::{"),
            "`{}`: a line for each part of the engine that is named",
            place.display()
        );
        let allowed = STAGES.iter().find(|(stage, _)| *stage == module);
        let allowed = allowed.map_or(&[][..], |(_, allowed)| allowed);
        for (named, _) in STAGES.iter().filter(|(named, _)| *named != module) {
            let names_it = shipped.contains(&format!("crate::{named}::"))
                || shipped.contains(&format!("crate::{named};"));
            assert!(
                !names_it || allowed.contains(named),
                "`{}` may not name `{named}`; see ARCHITECTURE.md",
                place.display()
            );
        }
        n_read += 1;
    }
    assert!(n_read > 50, "{n_read} files were read");
}

#[test]
fn notifications_get_their_ids_in_one_place() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let makes_ids = |path: &PathBuf| {
        let source = std::fs::read_to_string(path).expect("a readable file");
        source.contains("notification_id(") || source.contains("delivery_id(&destination")
    };
    let core_and_rules = ["smswatch-core/src", "smswatch-rules/src"];
    let files = core_and_rules.map(|folder| sources(&crates.join(folder)));
    for path in files.iter().flatten().filter(|path| makes_ids(path)) {
        assert!(
            path.ends_with("notification.rs"),
            "{} makes ids of notifications: ask `notification.rs` instead",
            path.display()
        );
    }
}
