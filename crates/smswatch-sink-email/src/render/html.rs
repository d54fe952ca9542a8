//! The HTML part of a mail: one column that fits a phone, light and dark, for programs that know tables and `style`
//! attributes better than anything newer.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Colors, Fact, FootLine, Row, Values};

/// Ends a line: mails are carried in lines of at most 998 characters.
const END: PreEscaped<&str> = PreEscaped("\n");

/// A table as wide as what it stands in.
const TABLE: &str = "border-collapse:collapse;border-top:1px solid #e4e8ee;table-layout:fixed";

/// What ids and commands are set in.
const MONOSPACE: &str = "font-family:ui-monospace,Menlo,Consolas,monospace";

/// The whole document.
pub(super) fn page(values: &Values<'_>) -> String {
    let page = html! {
        (DOCTYPE) (END)
        html lang="en" { (END)
            head { (END) (head(values)) } (END)
            body class="page" style="margin:0;padding:24px 12px;background:#f1f3f6;font-family:-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;font-size:15px;line-height:1.5;-webkit-text-size-adjust:100%" { (END)
                table role="presentation" class="card" width="100%" cellpadding="0" cellspacing="0" style="max-width:620px;margin:0 auto;background:#ffffff;border:1px solid #dde2e9;border-radius:8px;border-collapse:separate;overflow:hidden" { (END)
                    tr { td style={ "height:6px;line-height:6px;font-size:0;background:" (values.colors.bar) } { (PreEscaped("&nbsp;")) } } (END)
                    (title(values))
                    @if !values.prose.is_empty() { (prose(&values.prose)) }
                    @if !values.facts.is_empty() { (facts(&values.facts)) }
                    @if !values.rows.is_empty() { (rows(&values.rows)) }
                    @if values.more > 0 {
                        tr { td class="in soft" style="padding:8px 28px 0;font-size:14px;color:#5d6978" { "and " (values.more) " more" } } (END)
                    }
                    @if !values.links.is_empty() { (links(values)) }
                    (foot(&values.foot))
                } (END)
            } (END)
        } (END)
    };
    page.into_string()
}

fn head(values: &Values<'_>) -> Markup {
    html! {
        meta charset="utf-8"; (END)
        meta name="viewport" content="width=device-width, initial-scale=1"; (END)
        meta name="color-scheme" content="light dark"; (END)
        meta name="supported-color-schemes" content="light dark"; (END)
        title { (values.title) } (END)
        style { (END) (PreEscaped(include_str!("mail.css"))) (pill(&values.colors)) } (END)
    }
}

/// The colors of the severity where all is dark.
fn pill(colors: &Colors) -> Markup {
    html! {
        "@media (prefers-color-scheme: dark) { .pill { color: " (colors.dark_ink)
        " !important; background: " (colors.dark_tint) " !important; } }" (END)
    }
}

fn title(values: &Values<'_>) -> Markup {
    let Colors { ink, tint, .. } = &values.colors;
    html! {
        tr { td class="in" style="padding:20px 28px 4px" { (END)
            span class="pill" style={ "display:inline-block;padding:1px 10px;border-radius:10px;font-size:12px;font-weight:600;letter-spacing:.03em;color:" (ink) ";background:" (tint) } { (values.severity) } (END)
            h2 class="ink" style="margin:10px 0 0;font-size:20px;line-height:1.3;font-weight:650;color:#18202b;overflow-wrap:anywhere" { (values.title) } (END)
        } } (END)
    }
}

fn prose(lines: &[&str]) -> Markup {
    html! {
        tr { td class="in" style="padding:8px 28px 4px" { (END)
            @for line in lines {
                p class="ink" style="margin:6px 0 0;color:#2a3442;overflow-wrap:anywhere" { (line) } (END)
            }
        } } (END)
    }
}

fn facts(facts: &[Fact<'_>]) -> Markup {
    html! {
        tr { td class="in" style="padding:16px 28px 4px" { (END)
            table class="line" width="100%" cellpadding="0" cellspacing="0" style=(TABLE) { (END)
                @for fact in facts {
                    tr {
                        th class="soft line name" scope="row" style="width:104px;padding:7px 12px 7px 0;border-bottom:1px solid #e4e8ee;text-align:left;vertical-align:top;font-size:13px;font-weight:400;color:#5d6978;overflow-wrap:anywhere" { (fact.name) } (END)
                        td class="ink line" style="padding:7px 0;border-bottom:1px solid #e4e8ee;vertical-align:top;color:#18202b;overflow-wrap:anywhere" { (fact.value) }
                    } (END)
                }
            } (END)
        } } (END)
    }
}

fn rows(rows: &[Row<'_>]) -> Markup {
    html! {
        tr { td class="in" style="padding:16px 28px 4px" { (END)
            table class="line rows" width="100%" cellpadding="0" cellspacing="0" style=(TABLE) { (END)
                tr class="soft head" style="font-size:13px;text-align:left;color:#5d6978" {
                    th class="line" scope="col" width="30%" style="padding:7px 12px 7px 0;border-bottom:1px solid #e4e8ee;font-weight:400" { "What" } (END)
                    th class="line" scope="col" style="padding:7px 12px 7px 0;border-bottom:1px solid #e4e8ee;font-weight:400" { "Message" } (END)
                    th class="line" scope="col" width="20%" style="padding:7px 0;border-bottom:1px solid #e4e8ee;font-weight:400" { "When" }
                } (END)
                @for row in rows { (self::row(row)) }
            } (END)
        } } (END)
    }
}

fn row(row: &Row<'_>) -> Markup {
    html! {
        tr class="row line" {
            td class="ink line cell" style="padding:8px 12px 8px 0;border-bottom:1px solid #e4e8ee;vertical-align:top;font-weight:600;color:#18202b;overflow-wrap:anywhere" { (row.what) } (END)
            td class="ink line cell" style="padding:8px 12px 8px 0;border-bottom:1px solid #e4e8ee;vertical-align:top;color:#2a3442;overflow-wrap:anywhere" {
                @if !row.about.is_empty() { (row.about) br; (END) }
                span class="soft" style={ "font-size:12px;color:#5d6978;" (MONOSPACE) } { (row.message_id) }
            } (END)
            td class="soft line cell" style="padding:8px 0;border-bottom:1px solid #e4e8ee;vertical-align:top;font-size:13px;color:#5d6978" { (row.at) }
        } (END)
    }
}

fn links(values: &Values<'_>) -> Markup {
    html! {
        tr { td class="in" style="padding:16px 28px 0" { (END)
            @for link in values.links {
                a class="link" href=(link.url) style="display:inline-block;margin:0 18px 6px 0;font-weight:600;color:#1a5fc4;overflow-wrap:anywhere" { (link.title) } (END)
            }
        } } (END)
    }
}

fn foot(lines: &[FootLine]) -> Markup {
    html! {
        tr { td class="in soft" style="padding:16px 28px 22px;font-size:12px;line-height:1.6;color:#5d6978;overflow-wrap:anywhere" { (END)
            @for line in lines {
                div { (line.name) " " span style=(MONOSPACE) { (line.value) } } (END)
            }
        } } (END)
    }
}
