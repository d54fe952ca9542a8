//! Text in Slack's own markup: what data must look like so that Slack does not obey it.

/// Stands where text was cut.
const CUT: char = '…';

/// `text` in one line, cut to `limit` UTF-16 units, which is how Slack counts.
pub(crate) fn one_line(text: &str, limit: usize) -> String {
    let clean = text.chars().map(|character| {
        if character.is_control() {
            ' '
        } else {
            character
        }
    });
    cut(clean.map(Piece::Plain), limit).0
}

/// `text` with `&`, `<` and `>` escaped, so that it can neither mention nor link anything, cut to
/// `limit` UTF-16 units; with the number of characters that had no room.
pub(crate) fn escaped(text: &str, limit: usize) -> (String, usize) {
    let pieces = text.chars().map(|character| match character {
        '&' => Piece::Escaped("&amp;"),
        '<' => Piece::Escaped("&lt;"),
        '>' => Piece::Escaped("&gt;"),
        '\r' => Piece::Plain(' '),
        other => Piece::Plain(other),
    });
    cut(pieces, limit)
}

/// `text` escaped, in one line and cut to `limit`.
pub(crate) fn value(text: &str, limit: usize) -> String {
    escaped(&one_line(text, limit), limit).0
}

/// A link to `url` called `title`.
pub(crate) fn link(url: &str, title: &str) -> String {
    let url = escaped(url, usize::MAX).0.replace('|', "%7C");
    // The bar would end the address; look-alikes are kinder than escapes that Slack does not know.
    let title = value(title, 200).replace('|', "¦");
    format!("<{url}|{title}>")
}

/// How many UTF-16 units `text` takes.
pub(crate) fn length(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// What one character becomes.
#[derive(Clone, Copy)]
enum Piece {
    Plain(char),
    Escaped(&'static str),
}

impl Piece {
    fn length(self) -> usize {
        match self {
            Self::Plain(character) => character.len_utf16(),
            Self::Escaped(text) => text.len(),
        }
    }

    fn push_to(self, text: &mut String) {
        match self {
            Self::Plain(character) => text.push(character),
            Self::Escaped(escape) => text.push_str(escape),
        }
    }
}

/// Joins `pieces` up to `limit`; never cuts one in two.
fn cut(pieces: impl Iterator<Item = Piece>, limit: usize) -> (String, usize) {
    let mut text = String::new();
    let mut length = 0;
    // Where the text ends if a mark has to follow: its bytes and its characters.
    let mut room_for_mark = (0, 0);
    let mut count = 0;
    let mut missing = 0;
    for piece in pieces {
        if missing == 0 && length + piece.length() <= limit {
            piece.push_to(&mut text);
            length += piece.length();
            count += 1;
            if length < limit {
                room_for_mark = (text.len(), count);
            }
        } else {
            missing += 1;
        }
    }
    if missing > 0 {
        let (end, kept) = room_for_mark;
        text.truncate(end);
        text.push(CUT);
        missing += count - kept;
    }
    (text, missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_cannot_mention_or_link() {
        assert_eq!(
            escaped("<!channel> & <https://x|y>", 100),
            ("&lt;!channel&gt; &amp; &lt;https://x|y&gt;".to_owned(), 0)
        );
    }

    #[test]
    fn escapes_are_not_cut_in_two() {
        assert_eq!(escaped("a<<", 9), ("a&lt;&lt;".to_owned(), 0));
        assert_eq!(escaped("a<<", 8), ("a&lt;…".to_owned(), 1));
        assert_eq!(escaped("<<<", 3), ("…".to_owned(), 3));
    }

    #[test]
    fn lengths_are_counted_as_slack_counts_them() {
        assert_eq!(one_line("🚨🚨🚨", 6), "🚨🚨🚨");
        assert_eq!(one_line("🚨🚨🚨", 5), "🚨🚨…");
        assert_eq!(one_line("two\nlines", 100), "two lines");
        assert_eq!(length("🚨a"), 3);
    }

    #[test]
    fn a_link_ends_where_it_should() {
        assert_eq!(
            link("https://example.com/?a=1&b=>|", "A|B <c>"),
            "<https://example.com/?a=1&amp;b=&gt;%7C|A¦B &lt;c&gt;>"
        );
    }
}
