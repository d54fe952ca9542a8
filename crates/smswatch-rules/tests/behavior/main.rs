//! Rules as operators write them: what is refused, what matches, and what is told to whom.

mod broken;
mod evaluate;
mod explain;
mod matching;
mod properties;
mod refined;
mod support;
mod template;
mod wording;
