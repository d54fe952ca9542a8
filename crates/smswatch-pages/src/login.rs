//! The page that asks for a token.

use maud::html;

use crate::frame::bare;

/// Why a login was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The token is not one that is accepted.
    WrongToken,
    /// There were too many wrong ones; how many seconds to wait.
    TooMany(u64),
    /// The form is too old, or was sent by another page.
    OldForm,
}

/// The page that asks for a token, and leads to `next` afterwards. `form_key` is handed in with the form.
#[must_use]
pub fn login(form_key: &str, next: &str, refusal: Option<Refusal>) -> String {
    let why = refusal.map(|refusal| match refusal {
        Refusal::WrongToken => "This token is not accepted.".to_owned(),
        Refusal::TooMany(seconds) => {
            format!("There were too many wrong tokens. Wait for {seconds} s, then try again.")
        }
        Refusal::OldForm => "This form was too old. Enter the token again.".to_owned(),
    });
    bare(
        "Log in",
        &html! {
            h1 { "Log in to smswatch" }
            @if let Some(why) = why {
                p.wrong #why role="alert" { (why) }
            }
            form method="post" action="/login" {
                input type="hidden" name="form_key" value=(form_key);
                input type="hidden" name="next" value=(next);
                label for="token" { "Token" }
                input #token type="password" name="token" autocomplete="current-password" required autofocus
                    aria-describedby="which";
                p #which.hint {
                    "One of those that stand behind " code { "http.token" } " or " code { "http.tokens" }
                    " in the configuration. One with the scope " code { "read" } " sees everything and changes nothing."
                }
                button type="submit" { "Log in" }
            }
        },
    )
}
