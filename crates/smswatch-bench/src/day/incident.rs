//! The five things that go wrong, where and when, and which messages suffer from them.

use std::collections::BTreeMap;

use anyhow::Context as _;
use fastrand::Rng;
use smswatch_model::Fault;

use super::Options;
use super::letter::{Ending, Letter};
use super::network::{self, COUNTRIES, PRODUCTS};
use super::traffic::{Campaign, Traffic};

/// How many messages a minute an incident must strike: one that strikes fewer cannot be told from chance within
/// two minutes.
const LEAST_A_MINUTE: f64 = 8.0;

/// How often a place and time are drawn until they fit.
const DRAWS: usize = 200;

/// In which hours a campaign starts.
const OFFICE_HOURS: std::ops::Range<u32> = 7 * 3600..16 * 3600;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An operator brings nothing.
    Outage,
    /// A carrier's filter stops what one sender sends.
    Filter,
    /// An application's account is empty.
    Balance,
    /// One-time codes neither arrive nor fail.
    Stuck,
    /// A campaign goes to a list in which many numbers do not exist.
    BadList,
}

impl Kind {
    const ALL: [Self; 5] = [
        Self::Outage,
        Self::Filter,
        Self::Balance,
        Self::Stuck,
        Self::BadList,
    ];

    /// What a person calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Outage => "operator down",
            Self::Filter => "sender blocked",
            Self::Balance => "no balance",
            Self::Stuck => "codes stuck",
            Self::BadList => "bad number list",
        }
    }

    /// Whose fault it is.
    #[must_use]
    pub fn fault(self) -> Fault {
        match self {
            Self::Outage => Fault::Carrier,
            Self::Filter | Self::Balance => Fault::Sender,
            // Nothing has failed yet.
            Self::Stuck => Fault::None,
            Self::BadList => Fault::Recipient,
        }
    }

    fn minutes(self) -> u32 {
        match self {
            Self::Outage | Self::BadList => 20,
            Self::Filter | Self::Balance | Self::Stuck => 25,
        }
    }
}

/// Something that goes wrong.
#[derive(Debug, Clone)]
pub(super) struct Incident {
    pub(super) kind: Kind,
    /// In seconds from the beginning.
    pub(super) from: u32,
    pub(super) until: u32,
    /// What is the same for all messages that suffer from it, under the keys of `match`.
    pub(super) place: BTreeMap<&'static str, String>,
}

impl Incident {
    /// Five incidents that follow from the seed, one after the other; the campaign of one of them comes on top of the
    /// others.
    ///
    /// # Errors
    ///
    /// There is too little traffic for an incident to be seen.
    pub(super) fn draw_all(
        options: &Options,
        traffic: &mut Traffic,
        rng: &mut Rng,
    ) -> anyhow::Result<Vec<Self>> {
        let mut order = [0, 1, 2, 3, 4];
        let mut drawn = (0..DRAWS).filter_map(|_| {
            rng.shuffle(&mut order);
            let incidents = Kind::ALL.into_iter().zip(order);
            let of_slot =
                |(kind, slot)| (0..DRAWS).find_map(|_| draw(kind, slot, options, traffic, rng));
            incidents.map(of_slot).collect::<Option<Vec<Self>>>()
        });
        let all = drawn.next().context("there is too little traffic")?;
        let bad_list = all.iter().find(|one| one.kind == Kind::BadList);
        let campaign = bad_list.map(|incident| bad_campaign(incident, options));
        traffic.campaigns.extend(campaign);
        Ok(all)
    }

    /// Changes what becomes of `letter` if it suffers from this incident, which stands at `position`.
    pub(super) fn strike(
        &self,
        position: u8,
        letter: &mut Letter,
        traffic: &Traffic,
        rng: &mut Rng,
    ) {
        let (from, until) = (self.from * 1000, self.until * 1000);
        // What was under way when an operator went down suffers, too.
        let is_in_time = if self.kind == Kind::Outage {
            letter.ends() >= from && letter.sent < until
        } else {
            (from..until).contains(&letter.sent)
        };
        if !is_in_time || letter.incident.is_some() || !self.is_place(letter, traffic) {
            return;
        }
        let is_code = letter.product().is_code;
        let began = letter.sent.max(from) - letter.sent;
        let (ending, lasts) = match self.kind {
            Kind::Outage if rng.u32(..100) < 3 => return,
            Kind::Outage if rng.u32(..100) < 60 => {
                (Ending::Undelivered, began + rng.u32(5_000..45_000))
            }
            Kind::Outage if is_code => (Ending::Expired, began + rng.u32(50_000..75_000)),
            Kind::Outage => (Ending::Expired, began + rng.u32(60_000..240_000)),
            Kind::Filter if rng.u32(..100) < 5 => return,
            Kind::Filter => (Ending::CarrierViolation, rng.u32(2_000..9_000)),
            Kind::Balance => (Ending::Refused, rng.u32(300..2_000)),
            Kind::Stuck => {
                let until = until - letter.sent;
                (Ending::Delivered, until + rng.u32(180_000..420_000))
            }
            Kind::BadList if rng.u32(..100) >= 45 => return,
            Kind::BadList => (Ending::UnknownNumber, rng.u32(1_500..9_000)),
        };
        (letter.ending, letter.lasts) = (ending, lasts);
        letter.flips = false;
        letter.incident = Some(position);
    }

    fn is_place(&self, letter: &Letter, traffic: &Traffic) -> bool {
        let operator = &traffic.operators[usize::from(letter.operator)];
        let product = letter.product();
        let campaign = letter.campaign.map(|number| {
            let campaign = &traffic.campaigns[usize::from(number)];
            campaign.name.as_str()
        });
        let is_code = self.kind != Kind::Stuck || product.is_code;
        is_code
            && self.place.iter().all(|(key, value)| match *key {
                "country" => operator.country.code == value,
                "operator" => operator.name == *value,
                "from" => product.from == value,
                "application" => product.application == value,
                _ => campaign == Some(value.as_str()),
            })
    }

    /// The moment in which a message shows that it suffers: it has its end, or should have had it two minutes ago.
    pub(super) fn shows(&self, letter: &Letter) -> u32 {
        match self.kind {
            Kind::Stuck => letter.sent + 120_000,
            _ => letter.ends(),
        }
    }
}

/// A length in seconds as this day has it.
fn scaled(seconds: u32, options: &Options) -> u32 {
    match options.hours {
        ..2 => seconds / 4,
        2..12 => seconds / 2,
        _ => seconds,
    }
}

/// An incident in one of five slots of the day and anywhere, if it strikes enough messages there.
fn draw(
    kind: Kind,
    slot: u32,
    options: &Options,
    traffic: &Traffic,
    rng: &mut Rng,
) -> Option<Incident> {
    let seconds = scaled(kind.minutes() * 60, options);
    // The first minutes say what is usual, and the end must be seen.
    let first = scaled(2400, options);
    let length = (options.hours * 3600 - first - scaled(1200, options)) / 5;
    let slack = length.checked_sub(seconds + scaled(240, options))?;
    let from = first + slot * length + rng.u32(..=slack);
    if kind == Kind::BadList && !OFFICE_HOURS.contains(&(options.begins() + from)) {
        return None;
    }
    let operator = rng.usize(..traffic.operators.len());
    let product = &PRODUCTS[rng.usize(..PRODUCTS.len())];
    let (name, code) = {
        let operator = &traffic.operators[operator];
        (operator.name.clone(), operator.country.code.to_owned())
    };
    let over = |second| traffic.over(operator, second);
    let a_minute = |second: u32| -> f64 {
        60.0 * match kind {
            Kind::Outage => over(second),
            Kind::Filter => over(second) * network::share(|other| other.from == product.from),
            Kind::Balance => {
                traffic.in_all(second)
                    * network::share(|other| other.application == product.application)
            }
            Kind::Stuck => over(second) * network::share(|other| other.is_code),
            Kind::BadList => f64::INFINITY,
        }
    };
    let least = match kind {
        // A share of what an operator carries is enough where a single message says it all.
        Kind::Filter | Kind::Stuck => LEAST_A_MINUTE / 4.0,
        _ => LEAST_A_MINUTE,
    };
    let seen = [from, from + seconds / 2, from + seconds];
    if seen.iter().any(|second| a_minute(*second) < least) {
        return None;
    }
    let place = match kind {
        Kind::Outage | Kind::Stuck => vec![("country", code), ("operator", name)],
        Kind::Filter => vec![
            ("country", code),
            ("operator", name),
            ("from", product.from.to_owned()),
        ],
        Kind::Balance => vec![("application", product.application.to_owned())],
        Kind::BadList => vec![("campaign", "win-back".to_owned())],
    };
    Some(Incident {
        kind,
        from,
        until: from + seconds,
        place: place.into_iter().collect(),
    })
}

/// The campaign whose list is bad.
fn bad_campaign(incident: &Incident, options: &Options) -> Campaign {
    let country = COUNTRIES.iter().position(|country| country.code == "GR");
    Campaign {
        name: incident.place["campaign"].clone(),
        country: country.expect("it is one of them"),
        from: incident.from,
        until: incident.until,
        messages: (f64::from(options.messages) * 0.006).max(400.0),
    }
}
