//! Which bytes of a template wrote a byte of what it made.
//!
//! The template is written once more with a mark at each end of its tags. What stands between two marks in the result
//! stands between them in the template, too.

use std::ops::Range;

/// What a mark begins with. It is of no language, and no sample holds it.
const MARK: char = '\u{f0000}';

/// What a mark ends with.
const END: char = '\u{f0001}';

/// Where a mark stands in the source without marks, and which tag begins there if one does.
struct Place {
    at: usize,
    tag: Option<Range<usize>>,
}

/// A template with marks.
pub(crate) struct Marked {
    /// Its source.
    pub(crate) source: String,
    places: Vec<Place>,
}

impl Marked {
    /// Sets the marks.
    pub(crate) fn of(source: &str) -> Self {
        let mut marked = Self {
            source: String::new(),
            places: Vec::new(),
        };
        let mut written = 0;
        marked.set(0, None);
        while let Some(tag) = next_tag(source, written) {
            marked.source.push_str(&source[written..tag.start]);
            marked.set(tag.start, Some(tag.clone()));
            marked.source.push_str(&source[tag.clone()]);
            marked.set(tag.end, None);
            written = tag.end;
        }
        marked.source.push_str(&source[written..]);
        marked
    }

    fn set(&mut self, at: usize, tag: Option<Range<usize>>) {
        let number = self.places.len();
        self.source.push_str(&format!("{MARK}{number}{END}"));
        self.places.push(Place { at, tag });
    }

    /// What the template makes without its marks, and where each of them stood in it.
    pub(crate) fn read<'m>(&'m self, made: &str) -> Made<'m> {
        let mut read = Made {
            text: String::new(),
            marks: Vec::new(),
        };
        let mut rest = made;
        while let Some((before, after)) = rest.split_once(MARK) {
            read.text.push_str(before);
            rest = after;
            let Some((number, after)) = rest.split_once(END) else {
                break;
            };
            let number = number.parse().ok();
            let place = number.and_then(|number: usize| self.places.get(number));
            read.marks
                .extend(place.map(|place| (read.text.len(), place)));
            rest = after;
        }
        read.text.push_str(rest);
        read
    }
}

/// What a marked template made.
pub(crate) struct Made<'m> {
    /// The text, without marks.
    pub(crate) text: String,
    /// Where marks stood in it, in order.
    marks: Vec<(usize, &'m Place)>,
}

impl Made<'_> {
    /// Which bytes of the template wrote the byte at `at`: a whole tag, or that letter itself. `None` if `at` is no letter.
    pub(crate) fn wrote(&self, at: usize) -> Option<Range<usize>> {
        let (stood, place) = self.marks.iter().rev().find(|(stood, _)| *stood <= at)?;
        match &place.tag {
            Some(tag) => Some(tag.clone()),
            None => {
                let start = place.at + (at - stood);
                let letter = self.text.get(at..)?.chars().next()?;
                Some(start..start + letter.len_utf8())
            }
        }
    }
}

/// The next tag of `source` behind `from`, with its braces.
fn next_tag(source: &str, from: usize) -> Option<Range<usize>> {
    let rest = &source[from..];
    let openings = ["{{", "{%", "{#"].map(|opening| rest.find(opening));
    let start = openings.into_iter().flatten().min()?;
    let closing = match rest.as_bytes()[start + 1] {
        b'{' => "}}",
        b'%' => "%}",
        _ => "#}",
    };
    let inside = &rest[start + 2..];
    let length = match closing {
        "#}" => inside.find(closing)?,
        _ => end_of_code(inside, closing)?,
    };
    let start = from + start;
    Some(start..start + length + 4)
}

/// Where `closing` stands in code, outside of its texts.
fn end_of_code(code: &str, closing: &str) -> Option<usize> {
    let (mut quote, mut is_escaped) = (None, false);
    for (at, letter) in code.char_indices() {
        match quote {
            _ if is_escaped => is_escaped = false,
            Some(_) if letter == '\\' => is_escaped = true,
            Some(open) if letter == open => quote = None,
            Some(_) => {}
            None if code[at..].starts_with(closing) => return Some(at),
            None if letter == '"' || letter == '\'' => quote = Some(letter),
            None => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which part of `source` wrote the first `what` in what stands for it: tags are replaced by `X`.
    fn wrote<'s>(source: &'s str, made: impl Fn(&str) -> String, what: &str) -> Option<&'s str> {
        let marked = Marked::of(source);
        let made = made(&marked.source);
        let read = marked.read(&made);
        let range = read.wrote(read.text.find(what)?)?;
        source.get(range)
    }

    #[test]
    fn a_byte_is_found_in_the_text_or_in_the_tag_that_wrote_it() {
        let source = r#"{"a": {{ title }}, "b": {{ "}}" ~ 'it\'s' }}!}"#;
        let replaced = |marked: &str| {
            marked
                .replace("{{ title }}", "TITLE")
                .replace(r#"{{ "}}" ~ 'it\'s' }}"#, "BOTH")
        };
        assert_eq!(wrote(source, replaced, "TITLE"), Some("{{ title }}"));
        assert_eq!(wrote(source, replaced, "LE,"), Some("{{ title }}"));
        assert_eq!(
            wrote(source, replaced, "OTH"),
            Some(r#"{{ "}}" ~ 'it\'s' }}"#)
        );
        assert_eq!(wrote(source, replaced, ", \"b"), Some(","));
        assert_eq!(wrote(source, replaced, "!"), Some("!"));
    }

    #[test]
    fn what_is_left_out_or_repeated_moves_nothing() {
        let source = "[{% for x in y %}{{ x }},{% endfor %}{# no #}]";
        let looped = |marked: &str| {
            let (head, rest) = marked.split_once("{% for x in y %}").expect("the loop");
            let (body, tail) = rest.split_once("{% endfor %}").expect("its end");
            let body = body.replace("{{ x }}", "1");
            format!("{head}{body}{body}{}", tail.replace("{# no #}", ""))
        };
        assert_eq!(wrote(source, looped, "1,]"), Some("{{ x }}"));
        assert_eq!(wrote(source, looped, ",]"), Some(","));
        assert_eq!(wrote(source, looped, "]"), Some("]"));
    }

    #[test]
    fn an_open_tag_is_text() {
        assert_eq!(wrote("a {{ b", str::to_owned, "b"), Some("b"));
    }
}
