//! The places a client can knock at.

use serde::{Deserialize, Serialize};

/// An endpoint of Routee.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// All of them; in rules only.
    #[default]
    Any,
    /// `POST /oauth/token`.
    Token,
    /// `GET /sms/tracking/single/{id}`.
    TrackingSingle,
    /// `POST /sms/tracking`.
    TrackingRange,
    /// `GET /sms/tracking/campaign/{id}`.
    TrackingCampaign,
    /// `GET /campaigns/{id}`.
    Campaign,
    /// `POST /sms`.
    Send,
    /// `POST /sms/campaign`.
    SendCampaign,
    /// Anything else.
    Other,
}

impl Endpoint {
    pub(crate) const ALL: [Self; 8] = [
        Self::Token,
        Self::TrackingSingle,
        Self::TrackingRange,
        Self::TrackingCampaign,
        Self::Campaign,
        Self::Send,
        Self::SendCampaign,
        Self::Other,
    ];

    /// The name in JSON and in the statistics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Token => "token",
            Self::TrackingSingle => "tracking_single",
            Self::TrackingRange => "tracking_range",
            Self::TrackingCampaign => "tracking_campaign",
            Self::Campaign => "campaign",
            Self::Send => "send",
            Self::SendCampaign => "send_campaign",
            Self::Other => "other",
        }
    }

    /// What a request asks for, and the id in its path.
    pub(crate) fn of<'a>(method: &http::Method, path: &'a str) -> (Self, &'a str) {
        let is_get = method == http::Method::GET;
        let is_post = method == http::Method::POST;
        if let Some(id) = path
            .strip_prefix("/sms/tracking/single/")
            .filter(|_| is_get)
        {
            (Self::TrackingSingle, id)
        } else if let Some(id) = path
            .strip_prefix("/sms/tracking/campaign/")
            .filter(|_| is_get)
        {
            (Self::TrackingCampaign, id)
        } else if let Some(id) = path.strip_prefix("/campaigns/").filter(|_| is_get) {
            (Self::Campaign, id)
        } else {
            let endpoint = match path {
                "/oauth/token" if is_post => Self::Token,
                "/sms/tracking" if is_post => Self::TrackingRange,
                "/sms" if is_post => Self::Send,
                "/sms/campaign" if is_post => Self::SendCampaign,
                _ => Self::Other,
            };
            (endpoint, "")
        }
    }
}
