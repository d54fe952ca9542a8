//! What is asked for to see whether the receiver can be reached, without sending it anything.

use reqwest::Url;

/// The root of the receiver's server: the hook itself is not touched, and its path, its query and its login,
/// which may be secrets, are not sent.
pub(crate) fn root(hook: &Url) -> Url {
    let mut root = hook.clone();
    root.set_path("/");
    root.set_query(None);
    root.set_fragment(None);
    // Only URLs without a host have no login, and a hook has a host.
    let _without_user = root.set_username("");
    let _without_password = root.set_password(None);
    root
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_hook_but_its_server_is_left() {
        let hook = "https://bob:hunter2@crm.example.com:8443/hooks/hunter2?token=hunter2#x";
        let hook: Url = hook.parse().expect("a URL");
        assert_eq!(root(&hook).as_str(), "https://crm.example.com:8443/");
    }
}
