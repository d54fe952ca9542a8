//! One part of a message, ready to be told in an answer.

use crate::script::Step;

/// One part as a look finds it, borrowed from wherever it lives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PartView<'a> {
    pub(crate) sms_id: &'a str,
    pub(crate) message_id: &'a str,
    pub(crate) details: &'a Details,
    pub(crate) to: &'a str,
    pub(crate) label: Option<&'a str>,
    /// 1-based.
    pub(crate) part: usize,
    pub(crate) parts: usize,
    pub(crate) price: f64,
    pub(crate) accepted_ms: i64,
    pub(crate) step: &'a Step,
    pub(crate) date_ms: i64,
}

/// The fields that all parts of a message share.
#[derive(Clone, Debug)]
pub(crate) struct Details {
    pub(crate) from: String,
    pub(crate) country: String,
    pub(crate) operator: Option<String>,
    pub(crate) campaign_name: Option<String>,
    pub(crate) campaign_tracking_id: Option<String>,
    pub(crate) groups: Vec<String>,
    pub(crate) body: String,
    pub(crate) application_name: String,
    pub(crate) originating_service: String,
    pub(crate) direction: String,
}

impl Default for Details {
    fn default() -> Self {
        Self {
            from: "MyShop".to_owned(),
            country: "GR".to_owned(),
            operator: Some("Example Mobile".to_owned()),
            campaign_name: None,
            campaign_tracking_id: None,
            groups: Vec::new(),
            body: "Your parcel is ready".to_owned(),
            application_name: "default".to_owned(),
            originating_service: "Sms".to_owned(),
            direction: "Outbound".to_owned(),
        }
    }
}
