//! When how much is sent to whom: by the hour of each country, and in campaigns.

use fastrand::Rng;

use super::Options;
use super::network::{self, COUNTRIES, Operator};

/// How many of a hundred messages belong to campaigns.
const IN_CAMPAIGNS: f64 = 18.0;

/// A campaign: messages to one country within some minutes.
#[derive(Debug, Clone)]
pub(crate) struct Campaign {
    pub(crate) name: String,
    /// The position of its country.
    pub(crate) country: usize,
    /// From which second on, counted from the beginning.
    pub(crate) from: u32,
    pub(crate) until: u32,
    pub(crate) messages: f64,
}

/// What is sent when.
#[derive(Debug)]
pub(crate) struct Traffic {
    pub(crate) operators: Vec<Operator>,
    pub(crate) campaigns: Vec<Campaign>,
    begins: u32,
    /// How many messages one unit of activity is in a second.
    scale: f64,
}

impl Traffic {
    pub(crate) fn new(options: &Options, rng: &mut Rng) -> Self {
        let length = options.hours * 3600;
        let messages = f64::from(options.messages);
        let in_campaigns = messages * IN_CAMPAIGNS / 100.0;
        let n_campaigns = options.hours;
        let campaigns = (0..n_campaigns).map(|number| {
            // In the hours in which nobody is woken by one.
            let (first, last) = if options.hours == 24 {
                (7 * 3600, 17 * 3600)
            } else {
                (0, length / 2)
            };
            let from = rng.u32(first..last);
            Campaign {
                name: format!("offer-{:02}", number + 1),
                country: rng.usize(..COUNTRIES.len()),
                from,
                until: (from + rng.u32(1200..2400)).min(length),
                messages: in_campaigns / f64::from(n_campaigns),
            }
        });
        Self {
            campaigns: campaigns.collect(),
            ..Self::one_by_one(options, messages - in_campaigns)
        }
    }

    /// So many messages, none of which belongs to a campaign.
    pub(crate) fn one_by_one(options: &Options, messages: f64) -> Self {
        let activity = |second: u32| -> f64 {
            let of = |country: &network::Country| country.activity(options.begins() + second);
            COUNTRIES.iter().map(of).sum()
        };
        let length = options.hours * 3600;
        let minutes: f64 = (0..length).step_by(60).map(activity).sum();
        Self {
            operators: network::operators(),
            campaigns: Vec::new(),
            begins: options.begins(),
            scale: messages / (minutes * 60.0),
        }
    }

    /// How many messages are sent one by one to a country in a second, on average.
    fn to_country(&self, country: usize, second: u32) -> f64 {
        COUNTRIES[country].activity(self.begins + second) * self.scale
    }

    /// How many messages are sent one by one in a second, on average.
    pub(crate) fn in_all(&self, second: u32) -> f64 {
        let countries = 0..COUNTRIES.len();
        countries
            .map(|country| self.to_country(country, second))
            .sum()
    }

    /// How many messages are sent one by one over an operator in a second, on average.
    pub(crate) fn over(&self, operator: usize, second: u32) -> f64 {
        let operator = &self.operators[operator];
        operator.country.activity(self.begins + second) * self.scale * operator.share
    }

    /// The operator of a message that is sent by itself.
    pub(crate) fn draw(&self, rng: &mut Rng, second: u32) -> usize {
        let weights = (0..COUNTRIES.len()).map(|country| self.to_country(country, second));
        let country = network::draw(rng, weights);
        self.draw_in(rng, country)
    }

    /// The operator of a message to a country.
    pub(crate) fn draw_in(&self, rng: &mut Rng, country: usize) -> usize {
        let code = COUNTRIES[country].code;
        let weights = self.operators.iter().map(|operator| {
            if operator.country.code == code {
                operator.share
            } else {
                0.0
            }
        });
        network::draw(rng, weights)
    }
}

/// How many come of so many on average.
pub(crate) fn poisson(rng: &mut Rng, average: f64) -> u32 {
    let (limit, mut product, mut count) = ((-average).exp(), rng.f64(), 0);
    while product > limit {
        product *= rng.f64();
        count += 1;
    }
    count
}
