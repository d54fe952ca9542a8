//! The result of scenarios in the XML that build servers read.

use std::fmt::Write as _;
use std::path::Path;

use super::tested::Tested;

/// The report on the scenarios of a file.
pub(super) fn report(file: &Path, tested: &[Tested]) -> String {
    let n_failed = tested.iter().filter(|tested| !tested.passed).count();
    let suite = escaped(&file.display().to_string());
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    let n_tests = tested.len();
    let _written = writeln!(
        xml,
        "  <testsuite name=\"{suite}\" tests=\"{n_tests}\" failures=\"{n_failed}\">"
    );
    for tested in tested {
        let name = escaped(&tested.name);
        let case = format!("<testcase classname=\"{suite}\" name=\"{name}\"");
        let _written = match tested.passed {
            true => writeln!(xml, "    {case}/>"),
            false => writeln!(
                xml,
                "    {case}>\n      <failure message=\"other notifications than expected\">{}</failure>\n    </testcase>",
                escaped(&tested.told())
            ),
        };
    }
    xml.push_str("  </testsuite>\n</testsuites>\n");
    xml
}

/// A text in XML, without characters that XML cannot hold.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(character),
            character if character.is_control() => escaped.push('\u{fffd}'),
            character => escaped.push(character),
        }
    }
    escaped
}
