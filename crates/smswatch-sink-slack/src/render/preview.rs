//! A message of Slack in words: what stands in its blocks, from top to bottom.

use serde_json::Value;
use slack_morphism::SlackMessageContent;
use smswatch_sink_kit::Preview;

/// Shows a message as the texts of its blocks.
pub(crate) fn preview(content: &SlackMessageContent) -> Preview {
    let blocks = serde_json::to_value(&content.blocks).unwrap_or_default();
    let attachments = serde_json::to_value(&content.attachments).unwrap_or_default();
    let blocks = list(&blocks).map(|block| (None, block));
    let attached = list(&attachments).flat_map(|attachment| {
        let color = attachment["color"].as_str();
        list(&attachment["blocks"]).map(move |block| (color, block))
    });
    blocks
        .chain(attached)
        .fold(Preview::default(), |preview, (color, block)| {
            let name = match block["type"].as_str().unwrap_or_default() {
                "header" => "Headline",
                "section" => "Section",
                "context" => "Small print",
                "actions" => "Buttons",
                other => other,
            };
            let name = match color {
                Some(color) => format!("{name}, with a bar in the color {color}"),
                None => name.to_owned(),
            };
            preview.part(name, texts(block).join("\n"))
        })
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// All texts in a block, in their order; a button with where it leads.
fn texts(block: &Value) -> Vec<String> {
    match block {
        Value::Object(object) => {
            let Some(text) = object.get("text") else {
                return object.values().flat_map(texts).collect();
            };
            let mut texts = match text {
                Value::String(text) => vec![text.clone()],
                text => self::texts(text),
            };
            if let (Some(url), Some(last)) = (object.get("url"), texts.last_mut()) {
                let url = url.as_str().unwrap_or_default();
                last.push_str(&format!(": {url}"));
            }
            // A section has fields beside its text.
            texts.extend(object.get("fields").into_iter().flat_map(self::texts));
            texts
        }
        Value::Array(all) => all.iter().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use smswatch_testkit::sample;

    use super::*;

    #[test]
    fn what_stands_in_the_blocks_is_shown_from_top_to_bottom() {
        let notification = sample::worded_group();
        let preview = preview(&super::super::content(&notification, &[], None));
        let shown = preview.parts.iter();
        let shown = shown.map(|part| format!("{}: {}\n", part.name, part.text));
        insta::assert_snapshot!(shown.collect::<String>());
    }
}
