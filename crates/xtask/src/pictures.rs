//! `cargo xtask pictures`: what an alert looks like in Slack, as a mail and on the console, from the snapshots of the
//! tests, which are what the code renders.

mod console;
mod slack;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use serde_json::Value;

/// Where the pictures are kept.
const IMAGES: &str = "docs/images";

/// Where the snapshots of mails, of messages to Slack and of the console lie.
const MAILS: &str =
    "crates/smswatch-sink-email/src/render/snapshots/smswatch_sink_email__render__tests__";
const SLACK: &str =
    "crates/smswatch-sink-slack/src/render/snapshots/smswatch_sink_slack__render__tests__";
const CONSOLE: &str = "crates/smswatch/src/snapshots/smswatch__console__tests__";

/// The messages to Slack that are shown, one below the other.
const MESSAGES: [&str; 3] = [
    "one_event_is_told_in_fields",
    "a_group_is_told_as_a_list_with_its_values",
    "a_resolved_alert_is_told_in_green",
];

/// A picture that is to be made.
struct Picture {
    name: &'static str,
    html: String,
    size: (u32, u32),
    is_dark: bool,
}

/// Makes all pictures.
pub(crate) fn run() -> anyhow::Result<()> {
    let mail = snapshot(MAILS, "one_event_as_html")?;
    let group = snapshot(MAILS, "a_group_as_html")?;
    let messages: Vec<Value> = MESSAGES
        .iter()
        .map(|name| Ok(serde_json::from_str(&snapshot(SLACK, name)?)?))
        .collect::<anyhow::Result<_>>()?;
    let alerts = snapshot(CONSOLE, "colors_stand_beside_the_words")?;
    let pictures = [
        picture("mail", mail.clone(), (680, 640)),
        picture("mail-group", group.clone(), (680, 890)),
        Picture {
            is_dark: true,
            ..picture("mail-phone", side_by_side(&mail, &group), (744, 960))
        },
        picture("slack", slack::page(&messages), (680, 1080)),
        picture("slack-phone", slack::page(&messages[..1]), (360, 600)),
        picture("console", console::page(&alerts), (1060, 436)),
    ];
    let work = std::env::temp_dir().join(format!("smswatch-pictures-{}", std::process::id()));
    fs::create_dir_all(&work).context("could not make a folder for the pages")?;
    let made = pictures.iter().try_for_each(|one| shoot(one, &work));
    fs::remove_dir_all(&work).context("could not remove the folder of the pages")?;
    made
}

fn picture(name: &'static str, html: String, size: (u32, u32)) -> Picture {
    Picture {
        name,
        html,
        size,
        is_dark: false,
    }
}

/// What a test has kept, without what insta writes above it.
fn snapshot(place: &str, name: &str) -> anyhow::Result<String> {
    let path = root().join(format!("{place}{name}.snap"));
    let text = fs::read_to_string(&path);
    let text = text.with_context(|| format!("there is no {}", path.display()))?;
    let body = text.splitn(3, "---\n").nth(2);
    body.map(str::to_owned).context("a snapshot has a head")
}

/// Two pages as phones show them, 360 pixels wide.
fn side_by_side(left: &str, right: &str) -> String {
    let frame = |html: &str| {
        let html = html.replace('&', "&amp;").replace('"', "&quot;");
        format!(r#"<iframe srcdoc="{html}" style="width:360px;height:944px;border:0"></iframe>"#)
    };
    format!(
        r#"<!DOCTYPE html><html><head><meta charset="utf-8"><meta name="color-scheme" content="light dark"></head>
<body style="margin:8px;display:flex;gap:8px;background:#000">{}{}</body></html>"#,
        frame(left),
        frame(right)
    )
}

/// Has Chromium take a picture.
fn shoot(picture: &Picture, work: &Path) -> anyhow::Result<()> {
    let page = work.join(format!("{}.html", picture.name));
    fs::write(&page, &picture.html).context("could not write the page")?;
    let image = root().join(IMAGES).join(format!("{}.png", picture.name));
    let (width, height) = picture.size;
    // Chromium's own word for dark is 0.
    let scheme = if picture.is_dark { 0 } else { 1 };
    let shot = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
        ])
        .arg(format!("--blink-settings=preferredColorScheme={scheme}"))
        .arg(format!("--window-size={width},{height}"))
        .arg(format!("--screenshot={}", image.display()))
        .arg(format!("file://{}", page.display()))
        .stderr(Stdio::null())
        .status()
        .context("could not start Chromium; `apt install chromium fonts-noto-color-emoji`")?;
    if !shot.success() || !image.exists() {
        bail!("Chromium took no picture of {}", picture.name);
    }
    println!("{IMAGES}/{}.png", picture.name);
    Ok(())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
