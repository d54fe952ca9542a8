//! The heads of tables.

use maud::{Markup, html};

/// What a column is called. One of figures is aligned with them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Column<'a> {
    Text(&'a str),
    Number(&'a str),
}

/// The heads of the columns, for the row of a table's head.
pub(crate) fn heads(columns: &[Column<'_>]) -> Markup {
    html! {
        @for column in columns {
            @match column {
                Column::Text(name) => { th scope="col" { (name) } },
                Column::Number(name) => { th.number scope="col" { (name) } },
            }
        }
    }
}
