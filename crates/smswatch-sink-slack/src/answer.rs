//! What Slack's answers mean.

use slack_morphism::errors::SlackClientError;
use smswatch_plugin::Redactor;
use smswatch_plugin::sink::DeliveryError;

/// What is wrong with the message itself: Slack will say the same however often it is asked.
///
/// The words are those of <https://docs.slack.dev/reference/methods/chat.postMessage> and, for webhooks, of
/// <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>.
///
/// All other errors are about tokens, channels and workspaces. An operator can mend those without
/// touching the message, so they are tried again while the schedule lasts.
const ABOUT_THE_MESSAGE: [&str; 25] = [
    "attachment_payload_limit_exceeded",
    "invalid_arg_name",
    "invalid_arguments",
    "invalid_array_arg",
    "invalid_attachments",
    "invalid_blocks",
    "invalid_blocks_format",
    "invalid_charset",
    "invalid_form_data",
    "invalid_json",
    "invalid_metadata_format",
    "invalid_metadata_schema",
    "invalid_payload",
    "invalid_post_type",
    "json_not_object",
    "markdown_text_conflict",
    "metadata_too_large",
    "missing_post_type",
    "missing_text_or_fallback_or_attachments",
    "msg_blocks_too_long",
    "msg_too_long",
    "no_text",
    "too_many_attachments",
    "too_many_blocks",
    "too_many_contact_cards",
];

/// With which words an incoming webhook refuses a message. It says them with an error status, and a proxy may put a good one
/// in its place.
const WEBHOOK_REFUSALS: [&str; 14] = [
    "action_prohibited",
    "channel_is_archived",
    "channel_not_found",
    "invalid_payload",
    "invalid_token",
    "no_service",
    "no_service_id",
    "no_team",
    "no_text",
    "posting_to_general_channel_denied",
    "rollup_error",
    "team_disabled",
    "too_many_attachments",
    "user_not_found",
];

/// What an operator can do about errors, or why they pass.
const REMEDIES: [(&str, &str); 38] = [
    (
        "access_denied",
        "the bot may not do this; check its scopes and the workspace's rules",
    ),
    (
        "accesslimited",
        "the workspace's plan limits what the bot may do",
    ),
    (
        "account_inactive",
        "the token's owner was deactivated; make a new token",
    ),
    (
        "action_prohibited",
        "an administrator restricts who may post",
    ),
    (
        "channel_is_archived",
        "unarchive the channel, or choose another",
    ),
    (
        "channel_not_found",
        "check the channel's name, and invite the bot to it if it is private",
    ),
    (
        "ekm_access_denied",
        "an administrator has suspended posting to this channel",
    ),
    (
        "enterprise_is_restricted",
        "the token is of an enterprise that Slack restricts",
    ),
    ("external_channel_migrating", "the channel is being moved"),
    ("invalid_auth", "check the token"),
    ("invalid_token", "check the webhook's URL"),
    ("is_archived", "unarchive the channel, or choose another"),
    (
        "message_limit_exceeded",
        "the workspace's members send too many messages",
    ),
    (
        "messages_tab_disabled",
        "turn on the Messages tab of the bot's app, or choose a channel",
    ),
    ("metadata_must_be_sent_from_app", "use the token of a bot"),
    ("missing_scope", "give the bot the scope `chat:write`"),
    (
        "no_active_hooks",
        "the webhook was turned off; make a new one",
    ),
    ("no_permission", "the token has no permission to post there"),
    (
        "no_service",
        "the webhook was removed or turned off; make a new one",
    ),
    ("no_service_id", "check the webhook's URL"),
    ("no_team", "check the webhook's URL"),
    ("not_allowed_token_type", "use the token of a bot (xoxb-…)"),
    ("not_authed", "check the token"),
    ("not_in_channel", "invite the bot to the channel"),
    (
        "org_login_required",
        "the workspace is being moved to an organization",
    ),
    (
        "posting_to_general_channel_denied",
        "an administrator restricts who may post to #general",
    ),
    (
        "restricted_action",
        "an administrator restricts who may post to this channel",
    ),
    (
        "restricted_action_non_threadable_channel",
        "an administrator restricts what may be posted to this channel",
    ),
    (
        "restricted_action_read_only_channel",
        "the channel is read only; choose another, or let the bot post",
    ),
    (
        "restricted_action_thread_only_channel",
        "the channel takes replies only; choose another",
    ),
    (
        "team_access_not_granted",
        "the bot is not installed in the channel's workspace",
    ),
    (
        "team_added_to_org",
        "the workspace is being moved to an organization",
    ),
    ("team_disabled", "the workspace is disabled"),
    (
        "team_not_found",
        "the token's workspace does not exist any more; make a new token",
    ),
    ("token_expired", "make a new token"),
    ("token_revoked", "make a new token"),
    (
        "two_factor_setup_required",
        "the token's owner must set up two-factor authentication",
    ),
    (
        "user_not_found",
        "check the user's id; the webhook's owner may have left",
    ),
];

/// Says what failed and whether trying again can help; credentials are kept out of the text.
pub(crate) fn explain(error: SlackClientError, redactor: &Redactor) -> DeliveryError {
    match error {
        SlackClientError::ApiError(error) => {
            let details = error.errors.unwrap_or_default().join("; ");
            said(&named(&error.code, redactor), &redactor.clean(&details))
        }
        SlackClientError::HttpError(error) => {
            let body = error.http_response_body.unwrap_or_default();
            match redactor.clean(body.trim()).as_str() {
                code if is_code(code) => said(code, ""),
                _ if error.status_code == 413 => {
                    DeliveryError::permanent("Slack answered 413 Payload Too Large")
                }
                _ => DeliveryError::temporary(format!("Slack answered {}", error.status_code)),
            }
        }
        SlackClientError::RateLimitError(error) => match error.retry_after {
            Some(wait) => DeliveryError::retry_after("Slack asks to slow down", wait),
            None => DeliveryError::temporary("Slack asks to slow down"),
        },
        SlackClientError::ProtocolError(_) => {
            DeliveryError::temporary("the answer is not Slack's; check the URL")
        }
        SlackClientError::HttpProtocolError(error) => no_answer(error.cause),
        SlackClientError::SystemError(error) => no_answer(error.cause),
        SlackClientError::EndOfStream(_) | SlackClientError::SocketModeProtocolError(_) => {
            DeliveryError::temporary("Slack gave no answer")
        }
    }
}

/// The error that Slack names, if it is one of the words that errors are called.
pub(crate) fn named(word: &str, redactor: &Redactor) -> String {
    let word = redactor.clean(word);
    match is_code(&word) {
        true => word,
        false => "unknown_error".to_owned(),
    }
}

/// Whether `word` is one with which an incoming webhook refuses a message.
pub(crate) fn is_webhook_refusal(word: &str) -> bool {
    WEBHOOK_REFUSALS.contains(&word)
}

/// An error that Slack named.
fn said(code: &str, details: &str) -> DeliveryError {
    let mut what = format!("Slack answered `{code}`");
    let remedy = REMEDIES.iter().find(|(known, _)| *known == code);
    for more in remedy
        .map(|(_, remedy)| *remedy)
        .into_iter()
        .chain([details])
    {
        if !more.is_empty() {
            what.push_str(": ");
            what.push_str(more);
        }
    }
    if ABOUT_THE_MESSAGE.contains(&code) {
        DeliveryError::permanent(what)
    } else {
        DeliveryError::temporary(what)
    }
}

/// There was no answer, or none that could be read to its end.
fn no_answer(cause: Option<Box<dyn std::error::Error + Send + Sync>>) -> DeliveryError {
    let mut what = "Slack gave no answer".to_owned();
    let mut cause = cause
        .as_deref()
        .map(|cause| cause as &(dyn std::error::Error + 'static));
    while let Some(error) = cause {
        what.push_str(": ");
        what.push_str(&error.to_string());
        cause = error.source();
    }
    DeliveryError::temporary(what)
}

/// Whether `text` looks like one of Slack's error codes rather than a page of some proxy.
fn is_code(text: &str) -> bool {
    (1..=60).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}
