//! Rules as operators write them: what is refused, what matches, and what is told to whom.

mod broken;
mod explain;
mod grouping;
mod maintenance;
mod matching;
mod notify;
mod properties;
mod refined;
mod silences;
mod support;
mod template;
mod wording;
