//! A page that shows a terminal, with the colors that the console sink uses.

/// What a terminal looks like around its lines.
const HEAD: &str = r#"<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><style>
body { margin: 0; padding: 16px 20px; background: #14171c; color: #e9edf3; }
pre { margin: 0; font: 13px/1.5 "DejaVu Sans Mono", monospace; white-space: pre-wrap; }
</style></head><body><pre>"#;

/// What stands for the character that begins a color in a snapshot.
const ESCAPE: char = '␛';

/// A page with what the console sink printed.
pub(super) fn page(printed: &str) -> String {
    let mut parts = printed.trim_end().split(ESCAPE);
    let mut page = HEAD.to_owned();
    page.push_str(&escaped(parts.next().unwrap_or_default()));
    let mut is_open = false;
    for part in parts {
        let Some((code, text)) = part.strip_prefix('[').and_then(|part| part.split_once('m'))
        else {
            continue;
        };
        match style(code) {
            Some(style) => {
                page.push_str(if is_open { "" } else { "<span style=\"" });
                page.push_str(style);
                is_open = true;
                if !text.is_empty() {
                    page.push_str("\">");
                }
            }
            None => {
                page.push_str(if is_open { "</span>" } else { "" });
                is_open = false;
            }
        }
        page.push_str(&escaped(text));
    }
    page.push_str("</pre></body></html>\n");
    page
}

/// What a code of a terminal does; `None` for the one that ends all others.
fn style(code: &str) -> Option<&'static str> {
    match code {
        "1" => Some("font-weight:700;"),
        "2" => Some("opacity:.6;"),
        "31" => Some("color:#ff6b66;"),
        "32" => Some("color:#6fdc97;"),
        "33" => Some("color:#f4cd7d;"),
        "36" => Some("color:#7fd3f0;"),
        _ => None,
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_of_a_terminal_become_those_of_a_page() {
        let page = page("␛[1m␛[31mCRITICAL␛[0m a <b>\n");
        let expected = "<span style=\"font-weight:700;color:#ff6b66;\">CRITICAL</span> a &lt;b>";
        assert!(page.contains(expected), "{page}");
    }
}
