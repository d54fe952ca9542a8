//! A page that shows messages as Slack does, as far as smswatch uses Block Kit.

use serde_json::Value;

/// What Slack looks like around a message.
const HEAD: &str = r#"<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><style>
body { margin: 0; padding: 8px 16px; background: #fff; color: #1d1c1d; overflow-wrap: anywhere;
  font: 15px/1.46 Lato, "Helvetica Neue", Arial, "DejaVu Sans", "Noto Color Emoji", sans-serif; }
.message { display: flex; gap: 8px; padding: 8px 0; }
.face { flex: none; width: 36px; height: 36px; border-radius: 6px; background: #1a5fc4; color: #fff;
  font-weight: 700; text-align: center; line-height: 36px; }
.who { font-weight: 900; } .app { margin: 0 6px; padding: 0 3px; border-radius: 2px; background: #e8e8e8;
  color: #616061; font-size: 10px; font-weight: 700; vertical-align: 1px; }
.at { color: #616061; font-size: 12px; } .body { flex: 1; min-width: 0; }
h3 { margin: 4px 0; font-size: 18px; line-height: 1.33; font-weight: 900; }
.attachment { margin: 6px 0 2px; padding: 2px 0 4px 12px; border-left: 4px solid; border-radius: 4px; }
p { margin: 4px 0; } a { color: #1264a3; text-decoration: none; }
.fields { display: grid; grid-template-columns: 1fr 1fr; gap: 8px 16px; margin: 8px 0; }
@media (max-width: 420px) { body { padding: 8px; } .fields { grid-template-columns: 1fr; } }
.buttons { display: flex; flex-wrap: wrap; gap: 8px; margin: 8px 0; }
.buttons span { padding: 0 12px; border: 1px solid #bbb; border-radius: 4px; font-size: 13px; font-weight: 700;
  line-height: 28px; }
.context { margin: 6px 0 2px; color: #616061; font-size: 12px; }
</style></head><body>
"#;

/// A page with these messages, one below the other.
pub(super) fn page(messages: &[Value]) -> String {
    let mut page = HEAD.to_owned();
    for message in messages {
        page.push_str(
            "<div class=\"message\"><div class=\"face\">S</div><div class=\"body\"><span class=\"who\">smswatch</span>\
             <span class=\"app\">APP</span><span class=\"at\">10:28</span>",
        );
        page.push_str(&blocks(&message["blocks"]));
        for attachment in all(&message["attachments"]) {
            let color = attachment["color"].as_str().unwrap_or_default();
            let details = blocks(&attachment["blocks"]);
            page.push_str(&format!(
                "<div class=\"attachment\" style=\"border-color:{color}\">{details}</div>"
            ));
        }
        page.push_str("</div></div>\n");
    }
    page.push_str("</body></html>\n");
    page
}

fn all(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn blocks(value: &Value) -> String {
    all(value).map(block).collect()
}

fn block(block: &Value) -> String {
    let texts = |key: &str, tag: &str| -> String {
        let texts = all(&block[key]).map(text);
        texts.map(|text| format!("<{tag}>{text}</{tag}>")).collect()
    };
    match block["type"].as_str().unwrap_or_default() {
        "header" => format!("<h3>{}</h3>", text(&block["text"])),
        "section" if block["fields"].is_array() => {
            format!("<div class=\"fields\">{}</div>", texts("fields", "div"))
        }
        "section" => format!("<p>{}</p>", text(&block["text"])),
        "actions" => {
            let buttons: String = all(&block["elements"])
                .map(|button| format!("<span>{}</span>", text(&button["text"])))
                .collect();
            format!("<div class=\"buttons\">{buttons}</div>")
        }
        "context" => format!("<div class=\"context\">{}</div>", texts("elements", "span")),
        _ => String::new(),
    }
}

/// A text object as HTML. Markup of Slack has `&`, `<` and `>` of data escaped as HTML has.
fn text(object: &Value) -> String {
    let text = object["text"].as_str().unwrap_or_default();
    if object["type"] == "plain_text" {
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        return text;
    }
    let lines = text.lines().map(line);
    lines.collect::<Vec<_>>().join("<br>")
}

/// One line of Slack's markup: `*bold*` and `<URL|title>`.
fn line(line: &str) -> String {
    let mut html = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('<') {
        let Some((inside, behind)) = after.split_once('>') else {
            break;
        };
        html.push_str(before);
        let title = inside.split_once('|').map_or(inside, |(_, title)| title);
        html.push_str(&format!("<a>{title}</a>"));
        rest = behind;
    }
    html.push_str(rest);
    // Masked numbers have stars, too, so only the beginning of a line is looked at, where bold words stand.
    let (dot, words) = match html.strip_prefix("• ") {
        Some(words) => ("• ", words),
        None => ("", html.as_str()),
    };
    let bold = words
        .strip_prefix('*')
        .and_then(|words| words.split_once('*'));
    match bold {
        Some((bold, rest)) => format!("{dot}<b>{bold}</b>{rest}"),
        None => html,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_becomes_html_and_masked_numbers_stay() {
        for (markup, html) in [
            ("*To*", "<b>To</b>"),
            ("+3069******01 (GR)", "+3069******01 (GR)"),
            ("• *Sent* · +3069******01", "• <b>Sent</b> · +3069******01"),
            ("a &lt;b&gt; &amp; c", "a &lt;b&gt; &amp; c"),
            ("see <https://x/?a=1&amp;b|Runbook>.", "see <a>Runbook</a>."),
        ] {
            assert_eq!(line(markup), html);
        }
    }
}
