//! What one route takes and answers.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use smswatch_api::list::{ExcerptReply, ListReply};

/// Makes the schema of a type.
pub(crate) type Describe = fn(&mut SchemaGenerator) -> Schema;

/// What one route takes and answers, beside the errors that follow from that.
pub(crate) struct Operation {
    /// The name of the function that a generated client has for it.
    pub(crate) id: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) query: Option<Describe>,
    pub(crate) headers: Vec<(&'static str, &'static str)>,
    pub(crate) body: Option<Describe>,
    pub(crate) answers: Vec<Answer>,
    /// Errors that only this operation has, by their status.
    pub(crate) problems: Vec<u16>,
}

/// An answer that means success, or that has a form of its own.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) what: &'static str,
    pub(crate) content: Content,
}

/// What the body of an answer holds.
pub(crate) enum Content {
    Nothing,
    Json(Describe),
    /// Text of this media type.
    Text(&'static str),
}

impl Operation {
    pub(crate) fn new(id: &'static str, summary: &'static str) -> Self {
        Self {
            id,
            summary,
            query: None,
            headers: Vec::new(),
            body: None,
            answers: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// It takes the fields of `T` as parameters of the query.
    pub(crate) fn query<T: JsonSchema>(self) -> Self {
        Self {
            query: Some(T::json_schema),
            ..self
        }
    }

    /// It takes a header.
    pub(crate) fn header(mut self, name: &'static str, what: &'static str) -> Self {
        self.headers.push((name, what));
        self
    }

    /// It takes a body of JSON.
    pub(crate) fn body<T: JsonSchema>(self) -> Self {
        Self {
            body: Some(describe::<T>),
            ..self
        }
    }

    /// It answers with JSON.
    pub(crate) fn answers<T: JsonSchema>(self, status: u16, what: &'static str) -> Self {
        self.answer(status, what, Content::Json(describe::<T>))
    }

    /// It answers with a page of a list.
    pub(crate) fn lists<T: JsonSchema>(self) -> Self {
        self.answers::<ListReply<T>>(200, "a page of the list")
    }

    /// It answers with a list that has one page.
    pub(crate) fn excerpts<T: JsonSchema>(self) -> Self {
        self.answers::<ExcerptReply<T>>(200, "what was found, and whether there may be more")
    }

    /// It answers without a body.
    pub(crate) fn ends(self, what: &'static str) -> Self {
        self.answers_empty(204, what)
    }

    /// It answers with this status and without a body.
    pub(crate) fn answers_empty(self, status: u16, what: &'static str) -> Self {
        self.answer(status, what, Content::Nothing)
    }

    /// It answers with text of a media type.
    pub(crate) fn tells(self, media_type: &'static str, what: &'static str) -> Self {
        self.answer(200, what, Content::Text(media_type))
    }

    /// It can fail in a way that does not follow from what it takes.
    pub(crate) fn fails(mut self, status: u16) -> Self {
        self.problems.push(status);
        self
    }

    fn answer(mut self, status: u16, what: &'static str, content: Content) -> Self {
        self.answers.push(Answer {
            status,
            what,
            content,
        });
        self
    }
}

fn describe<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}
