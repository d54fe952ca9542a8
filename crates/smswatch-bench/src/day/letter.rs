//! One message of the day: whose it is, and what becomes of it when.

use fastrand::Rng;

use super::network::{self, CAMPAIGN, PRODUCTS, Product};

/// How a message ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Delivered,
    UnknownNumber,
    OnHandset,
    CallBarred,
    Roaming,
    DoNotDisturb,
    Expired,
    Undelivered,
    UnknownStatus,
    CarrierViolation,
    Refused,
}

/// How ordinary failures end, and how many of a hundred do so. None is the sender's fault: a filter, a sender's name
/// or a balance strikes every message alike until somebody acts, which is an incident and no chance; and a number
/// that cannot be one is refused when it is submitted.
const ORDINARY: [(Ending, f64); 8] = [
    (Ending::UnknownNumber, 38.0),
    (Ending::OnHandset, 24.0),
    (Ending::CallBarred, 9.0),
    (Ending::Roaming, 6.0),
    (Ending::DoNotDisturb, 5.0),
    (Ending::Expired, 10.0),
    (Ending::Undelivered, 5.0),
    (Ending::UnknownStatus, 3.0),
];

/// How many of a thousand messages fail in the ordinary way.
const FAILURES: u32 = 30;

/// How long a one-time code is tried, in milliseconds.
pub(crate) const CODE_TTL: u32 = 60_000;

impl Ending {
    /// Routee's words for it: the status, the detailed one, and what it says besides.
    pub(crate) fn words(self) -> (&'static str, Option<&'static str>, Option<&'static str>) {
        match self {
            Self::Delivered => ("Delivered", None, None),
            Self::UnknownNumber => ("Undelivered", Some("Unknown Number"), None),
            Self::OnHandset => ("Undelivered", Some("Undelivered on Handset"), None),
            Self::CallBarred => ("Undelivered", Some("Call Barred"), None),
            Self::Roaming => ("Undelivered", Some("Roaming"), None),
            Self::DoNotDisturb => ("Undelivered", Some("DND Error Code"), None),
            Self::Expired => ("Undelivered", Some("Expired"), None),
            Self::Undelivered => ("Undelivered", None, None),
            Self::UnknownStatus => ("Undelivered", Some("Unknown Status"), None),
            Self::CarrierViolation => ("Undelivered", Some("Carrier Violation"), None),
            Self::Refused => ("Failed", None, Some("Insufficient Balance")),
        }
    }
}

/// A message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Letter {
    /// When it was sent, in milliseconds from the beginning.
    pub(crate) sent: u32,
    /// After how many milliseconds it has its end.
    pub(crate) lasts: u32,
    pub(crate) ending: Ending,
    /// Whether it is delivered after all, twenty minutes after it failed.
    pub(crate) flips: bool,
    pub(crate) parts: u8,
    /// The position of its operator.
    pub(crate) operator: u8,
    /// The position of its product; `None` if it belongs to a campaign.
    pub(crate) product: Option<u8>,
    /// The number of its campaign.
    pub(crate) campaign: Option<u8>,
    /// The position of the incident that it suffers from.
    pub(crate) incident: Option<u8>,
}

impl Letter {
    /// A message with an ordinary fate.
    pub(crate) fn draw(rng: &mut Rng, sent: u32, operator: usize, campaign: Option<u8>) -> Self {
        let product = network::draw_product(rng);
        let product = campaign.is_none().then(|| byte(product));
        let mut letter = Self {
            sent,
            lasts: 0,
            ending: Ending::Delivered,
            flips: false,
            parts: 1,
            operator: byte(operator),
            product,
            campaign,
            incident: None,
        };
        let is_code = letter.product().is_code;
        if !is_code && rng.u32(..100) < 8 {
            letter.parts = rng.u8(2..=3);
        }
        if rng.u32(..1000) < FAILURES {
            let which = network::draw(rng, ORDINARY.iter().map(|(_, weight)| *weight));
            letter.ending = ORDINARY[which].0;
            letter.lasts = failing(rng, letter.ending, is_code);
            letter.flips = letter.ending == Ending::Expired && rng.u32(..100) == 0;
        } else {
            letter.lasts = delivering(rng, is_code);
        }
        letter
    }

    pub(crate) fn product(&self) -> &'static Product {
        self.product
            .map_or(&CAMPAIGN, |position| &PRODUCTS[usize::from(position)])
    }

    /// When it has its end, in milliseconds from the beginning.
    pub(crate) fn ends(&self) -> u32 {
        self.sent + self.lasts
    }

    /// Whether it did not arrive as it should.
    pub(crate) fn is_bad(&self) -> bool {
        self.ending != Ending::Delivered || self.incident.is_some()
    }
}

/// How long it takes until a message has failed.
fn failing(rng: &mut Rng, ending: Ending, is_code: bool) -> u32 {
    match ending {
        Ending::UnknownNumber | Ending::CallBarred | Ending::DoNotDisturb => rng.u32(1_500..9_000),
        Ending::OnHandset | Ending::Roaming | Ending::Expired if is_code => {
            rng.u32(CODE_TTL..CODE_TTL + 15_000)
        }
        Ending::OnHandset | Ending::Roaming => rng.u32(30_000..900_000),
        Ending::Expired => rng.u32(300_000..3_600_000),
        _ => rng.u32(4_000..60_000),
    }
}

/// How long it takes until a message arrives: seconds, and for a few whose handset is off much longer. A code that
/// is not there in time has failed.
fn delivering(rng: &mut Rng, is_code: bool) -> u32 {
    if !is_code && rng.u32(..100) < 3 {
        return rng.u32(60_000..2_400_000);
    }
    // The sum of a few even draws is nearly normal; its exponential has a long tail.
    let normal: f64 = (0..12).map(|_| rng.f64()).sum::<f64>() - 6.0;
    let seconds = (4.0 * (0.8 * normal).exp()).clamp(0.8, 50.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most 50 seconds"
    )]
    let millis = (seconds * 1000.0) as u32;
    millis
}

/// A small number in a byte.
pub(crate) fn byte(number: usize) -> u8 {
    u8::try_from(number).expect("there are fewer than 256 of them")
}
