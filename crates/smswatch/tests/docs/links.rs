//! Every link between pages leads to a file that exists and to a heading in it, and every file that the
//! description of the architecture names exists.

use std::path::Path;

use crate::{names_in, pages, read, root};

/// The targets of the links and pictures of a page, outside of code.
fn links(text: &str) -> Vec<&str> {
    let mut is_code = false;
    let mut links = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        let targets = line.split("](").skip(1);
        let targets = targets.filter_map(|rest| rest.split(')').next());
        let pictures = line.split(" src=\"").skip(1);
        let pictures = pictures.filter_map(|rest| rest.split('"').next());
        links.extend(targets.chain(pictures).filter(|_| !is_code));
    }
    links
}

/// What GitHub makes of a page's headings.
fn anchors(text: &str) -> Vec<String> {
    let mut is_code = false;
    let mut anchors = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        if is_code || !line.starts_with('#') {
            continue;
        }
        let heading = line.trim_start_matches('#').trim().to_lowercase();
        let kept = heading
            .chars()
            .filter(|sign| sign.is_alphanumeric() || ['-', '_', ' '].contains(sign));
        anchors.push(kept.collect::<String>().replace(' ', "-"));
    }
    anchors
}

#[test]
fn every_guide_is_listed() {
    let index = read("docs/README.md");
    let listed = links(&index);
    let guides = pages().into_iter().filter(|page| page != "docs/README.md");
    for guide in guides.filter_map(|page| page.strip_prefix("docs/").map(str::to_owned)) {
        assert!(
            listed.contains(&guide.as_str()),
            "docs/README.md does not list {guide}"
        );
    }
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    let mut n_links = 0;
    for page in pages() {
        let text = read(&page);
        for link in links(&text) {
            let is_elsewhere = ["http://", "https://", "mailto:"]
                .iter()
                .any(|scheme| link.starts_with(scheme));
            // The documentation of a crate links to its items, too.
            let is_item = link.contains("::") || link.starts_with('`');
            if is_elsewhere || is_item {
                continue;
            }
            n_links += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let folder = Path::new(&page).parent().expect("a page lies in a folder");
            let target = match file {
                "" => page.clone().into(),
                file => folder.join(file),
            };
            let exists = root().join(&target).exists();
            assert!(exists, "{page}: there is no {}", target.display());
            if !anchor.is_empty() {
                let anchors = anchors(&read(&target.to_string_lossy()));
                let leads = anchors.iter().any(|known| known == anchor);
                assert!(
                    leads,
                    "{page}: {file} has no heading #{anchor}; it has {anchors:?}"
                );
            }
        }
    }
    assert!(n_links > 20, "only {n_links} links were found");
}

/// Every source file below a folder, by its path from the root.
fn sources(directory: &str, found: &mut Vec<String>) {
    for name in names_in(directory) {
        let path = format!("{directory}/{name}");
        if root().join(&path).is_dir() {
            sources(&path, found);
        } else if name.ends_with(".rs") || name.ends_with(".lua") {
            found.push(path);
        }
    }
}

#[test]
fn every_file_that_the_architecture_names_exists() {
    let text = read("ARCHITECTURE.md");
    let mut files = Vec::new();
    sources("crates", &mut files);
    let code = text
        .lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2));
    let named: Vec<&str> = code
        .filter(|code| code.ends_with(".rs") || code.ends_with(".lua"))
        .collect();
    assert!(named.len() > 30, "{named:?}");
    for name in named {
        let end = format!("/{name}");
        assert!(
            files
                .iter()
                .any(|file| file.ends_with(&end) || file == name),
            "ARCHITECTURE.md names `{name}`, which does not exist"
        );
    }
}
