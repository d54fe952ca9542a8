//! Removes the sink's credentials from what the other side says.

/// Shorter credentials would tear holes into innocent words.
const SHORTEST: usize = 4;

/// Texts that must not be repeated, longest first.
#[derive(Clone, Default)]
pub(crate) struct Redactor {
    secrets: Vec<String>,
}

impl Redactor {
    /// Hides `secret` from now on.
    pub(crate) fn hide(&mut self, secret: &str) {
        if secret.len() >= SHORTEST {
            self.secrets.push(secret.to_owned());
            self.secrets
                .sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        }
    }

    /// `text` with every secret replaced.
    pub(crate) fn clean(&self, mut text: String) -> String {
        for secret in &self.secrets {
            if text.contains(secret) {
                text = text.replace(secret, "[hidden]");
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_secrets_are_hidden_before_the_shorter_ones_inside_them() {
        let mut redactor = Redactor::default();
        for secret in ["abc", "token", "token=1"] {
            redactor.hide(secret);
        }
        let cleaned = redactor.clean("abc: token=1 is no token".to_owned());
        assert_eq!(cleaned, "abc: [hidden] is no [hidden]");
    }
}
