//! Holds that no two files of a crate import one another, directly or by way of others.
//!
//! What a file and those in its folder take from each other does not count: they are one piece in several files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A module by its path in its crate; the root is empty.
type Module = Vec<String>;

/// The source files of a crate that are shipped, by their modules.
fn modules(src: &Path) -> BTreeMap<Module, String> {
    let mut folders = vec![src.to_owned()];
    let mut modules = BTreeMap::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a readable folder") {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let place = path
                .strip_prefix(src)
                .expect("it lies there")
                .with_extension("");
            let mut module: Module = place
                .iter()
                .map(|part| part.to_str().expect("UTF-8").to_owned())
                .collect();
            if path.extension().is_none_or(|extension| extension != "rs")
                || module.iter().any(|part| part == "tests")
            {
                continue;
            }
            if matches!(&*module, [root] if root == "lib" || root == "main") {
                module.clear();
            }
            let text = std::fs::read_to_string(&path).expect("a readable file");
            // Unit tests put together what they need.
            let shipped = text
                .split("#[cfg(test)]\nmod tests")
                .next()
                .unwrap_or_default();
            let lines = shipped
                .lines()
                .map(|line| line.split("//").next().unwrap_or_default());
            modules.insert(module, lines.collect::<Vec<_>>().join("\n"));
        }
    }
    modules
}

/// The paths that `use` lines name, with their braces unfolded.
fn unfolded(prefix: &[String], tree: &str, paths: &mut Vec<Vec<String>>) {
    let tree = tree.trim();
    if let Some(inner) = tree.strip_prefix('{') {
        let (mut depth, mut begin) = (0_u32, 0);
        let inner = inner.trim_end_matches('}');
        for (at, letter) in inner.char_indices() {
            match letter {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                ',' if depth == 0 => {
                    unfolded(prefix, &inner[begin..at], paths);
                    begin = at + 1;
                }
                _ => {}
            }
        }
        return unfolded(prefix, &inner[begin..], paths);
    }
    let (first, rest) = tree.split_once("::").unwrap_or((tree, ""));
    let name = first.split_whitespace().next().unwrap_or_default();
    let path: Vec<String> = prefix.iter().cloned().chain([name.to_owned()]).collect();
    match rest {
        "" => paths.push(path),
        rest => unfolded(&path, rest, paths),
    }
}

/// The paths that a file names: those of its `use` lines, and those that begin with `crate` or `super` elsewhere.
fn named(text: &str) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    for statement in text.split(';') {
        let used = statement.rfind("use ").filter(|at| {
            let before = statement[..*at].trim_end();
            before.is_empty() || before.ends_with(['}', ')', ']', '\n']) || before.ends_with("pub")
        });
        if let Some(at) = used {
            unfolded(&[], &statement[at + 4..], &mut paths);
        }
    }
    for root in ["crate::", "super::"] {
        for (at, _) in text.match_indices(root) {
            let path = text[at..]
                .split(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != ':');
            let path = path.into_iter().next().unwrap_or_default();
            paths.push(path.split("::").map(str::to_owned).collect());
        }
    }
    paths
}

/// The file that a path of `module` leads to, if it is one of the crate's.
fn target(
    modules: &BTreeMap<Module, String>,
    module: &[String],
    path: &[String],
) -> Option<Module> {
    let (first, rest) = path.split_first()?;
    let mut place: Module = match first.as_str() {
        "crate" => rest.to_vec(),
        "self" => [module, rest].concat(),
        "super" => {
            let ups = path.iter().take_while(|part| *part == "super").count();
            let base = module.get(..module.len().checked_sub(ups)?)?;
            [base, &path[ups..]].concat()
        }
        name => {
            let child = [module, &[name.to_owned()]].concat();
            modules.contains_key(&child).then_some(child)?;
            [module, path].concat()
        }
    };
    while !modules.contains_key(&place) {
        place.pop()?;
    }
    Some(place)
}

/// The modules that `from` leads to, itself only if it comes back to it.
fn reached<'m>(
    arrows: &'m BTreeMap<Module, BTreeSet<Module>>,
    from: &Module,
) -> BTreeSet<&'m Module> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&Module> = arrows[from].iter().collect();
    while let Some(module) = open.pop() {
        if reached.insert(module) {
            open.extend(&arrows[module]);
        }
    }
    reached
}

#[test]
fn no_two_files_import_one_another() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folders = std::fs::read_dir(crates).expect("the crates");
    let sources = folders.map(|entry| entry.expect("a readable folder").path().join("src"));
    let sources: Vec<PathBuf> = sources.filter(|src| src.is_dir()).collect();
    let mut n_arrows = 0;
    for src in sources {
        let modules = modules(&src);
        let is_one_piece = |a: &Module, b: &Module| a.starts_with(b) || b.starts_with(a);
        let arrows = modules.iter().map(|(module, text)| {
            let targets = named(text);
            let targets = targets
                .iter()
                .filter_map(|path| target(&modules, module, path));
            let targets = targets.filter(|target| !is_one_piece(module, target));
            (module.clone(), targets.collect::<BTreeSet<_>>())
        });
        let arrows: BTreeMap<Module, BTreeSet<Module>> = arrows.collect();
        n_arrows += arrows.values().map(BTreeSet::len).sum::<usize>();
        for module in arrows.keys() {
            let circle = reached(&arrows, module);
            let back = circle
                .iter()
                .filter(|other| reached(&arrows, other).contains(module));
            let names: Vec<String> = back.map(|other| other.join("::")).collect();
            assert!(
                !circle.contains(module),
                "{}: these files import one another: {}",
                src.display(),
                names.join(", ")
            );
        }
    }
    assert!(n_arrows > 1000, "{n_arrows} imports were found");
}
