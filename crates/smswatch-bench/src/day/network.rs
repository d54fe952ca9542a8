//! Who is written to, over whom, and by whom: 12 countries, 40 operators, and the senders of a company.

use fastrand::Rng;

/// A country: its code, its prefix, how many hours its clocks are ahead, its share of the traffic in percent, and
/// how many operators it has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Country {
    pub(crate) code: &'static str,
    pub(crate) prefix: &'static str,
    hours_ahead: u32,
    percent: f64,
    operators: u32,
}

const fn country(
    code: &'static str,
    prefix: &'static str,
    hours_ahead: u32,
    percent: f64,
    operators: u32,
) -> Country {
    Country {
        code,
        prefix,
        hours_ahead,
        percent,
        operators,
    }
}

pub(crate) const COUNTRIES: [Country; 12] = [
    country("GR", "+30", 3, 28.0, 4),
    country("CY", "+357", 3, 6.0, 3),
    country("BG", "+359", 3, 7.0, 3),
    country("RO", "+40", 3, 10.0, 4),
    country("IT", "+39", 2, 10.0, 4),
    country("DE", "+49", 2, 10.0, 3),
    country("FR", "+33", 2, 7.0, 4),
    country("GB", "+44", 1, 8.0, 4),
    country("ES", "+34", 2, 5.0, 3),
    country("PL", "+48", 2, 4.0, 4),
    country("TR", "+90", 3, 3.0, 2),
    country("AE", "+971", 4, 2.0, 2),
];

/// How much is sent in each hour of a day: little at night, most in the morning and the evening.
const HOURS: [f64; 24] = [
    0.25, 0.15, 0.10, 0.10, 0.12, 0.25, 0.55, 1.00, 1.60, 1.80, 1.50, 1.35, 1.40, 1.30, 1.20, 1.20,
    1.35, 1.60, 1.85, 1.75, 1.40, 1.05, 0.70, 0.40,
];

impl Country {
    /// How much is sent there at a second of the day, in UTC.
    pub(crate) fn activity(&self, second: u32) -> f64 {
        let local = second + self.hours_ahead * 3600;
        let (hour, within) = (local / 3600, f64::from(local % 3600) / 3600.0);
        let of = |hour: u32| HOURS[hour as usize % 24];
        self.percent * (of(hour) * (1.0 - within) + of(hour + 1) * within)
    }
}

/// An operator, which belongs to one country.
#[derive(Debug, Clone)]
pub(crate) struct Operator {
    pub(crate) country: &'static Country,
    pub(crate) name: String,
    /// Its share of its country's traffic.
    pub(crate) share: f64,
}

/// All operators, in the order of their countries; the first of each country is its largest.
pub(crate) fn operators() -> Vec<Operator> {
    let of_country = |country: &'static Country| {
        let weight = |n: u32| 1.0 / f64::from(n);
        let all: f64 = (1..=country.operators).map(weight).sum();
        (1..=country.operators).map(move |n| Operator {
            country,
            name: format!("{} Mobile {n}", country.code),
            share: weight(n) / all,
        })
    };
    COUNTRIES.iter().flat_map(of_country).collect()
}

/// What a company sends for one reason.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Product {
    pub(crate) label: &'static str,
    pub(crate) from: &'static str,
    pub(crate) application: &'static str,
    pub(crate) team: &'static str,
    pub(crate) text: &'static str,
    /// Its share of what is sent one by one, in percent.
    percent: f64,
    /// One-time codes are sent with a `ttl` of a minute: nobody waits for longer.
    pub(crate) is_code: bool,
}

const fn product(
    [label, from, application, team, text]: [&'static str; 5],
    percent: f64,
    is_code: bool,
) -> Product {
    Product {
        label,
        from,
        application,
        team,
        text,
        percent,
        is_code,
    }
}

/// What is sent one by one; campaigns come on top.
pub(crate) const PRODUCTS: [Product; 9] = [
    product(
        [
            "otp-login",
            "MyBank",
            "auth",
            "security",
            "Your code is 123456",
        ],
        22.0,
        true,
    ),
    product(
        [
            "otp-payment",
            "PayNow",
            "auth",
            "payments",
            "Confirm 12.50 EUR with 123456",
        ],
        12.0,
        true,
    ),
    product(
        [
            "otp-signup",
            "MyShop",
            "auth",
            "growth",
            "Welcome! Your code is 123456",
        ],
        8.0,
        true,
    ),
    product(
        [
            "order-confirmed",
            "MyShop",
            "shop",
            "orders",
            "Thank you for order 123456",
        ],
        14.0,
        false,
    ),
    product(
        [
            "order-shipped",
            "Parcels",
            "shop",
            "logistics",
            "Parcel 123456 is on its way",
        ],
        13.0,
        false,
    ),
    product(
        [
            "order-ready",
            "Parcels",
            "shop",
            "logistics",
            "Parcel 123456 waits for you",
        ],
        8.0,
        false,
    ),
    product(
        [
            "reminder-visit",
            "Clinic",
            "reminders",
            "clinic",
            "Your visit is at 10:30",
        ],
        11.0,
        false,
    ),
    product(
        [
            "reminder-bill",
            "MyBank",
            "reminders",
            "billing",
            "A bill of 12.50 EUR is due",
        ],
        7.0,
        false,
    ),
    product(
        [
            "reminder-cart",
            "Outlet",
            "reminders",
            "growth",
            "You left something behind",
        ],
        5.0,
        false,
    ),
];

/// What campaigns are.
pub(crate) const CAMPAIGN: Product = product(
    [
        "campaign",
        "Outlet",
        "marketing",
        "marketing",
        "Only today: everything must go",
    ],
    0.0,
    false,
);

/// Draws a product.
pub(crate) fn draw_product(rng: &mut Rng) -> usize {
    draw(rng, PRODUCTS.iter().map(|product| product.percent))
}

/// How much of what is sent one by one is of the products that `is_one` picks.
pub(crate) fn share(is_one: impl Fn(&Product) -> bool) -> f64 {
    let picked = PRODUCTS.iter().filter(|product| is_one(product));
    picked.map(|product| product.percent).sum::<f64>() / 100.0
}

/// The position of one of some weights, by chance.
pub(crate) fn draw(rng: &mut Rng, weights: impl Iterator<Item = f64> + Clone) -> usize {
    let mut left = rng.f64() * weights.clone().sum::<f64>();
    let mut last = 0;
    for (position, weight) in weights.enumerate() {
        last = position;
        left -= weight;
        if left < 0.0 {
            break;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_40_operators_in_12_countries() {
        assert_eq!((COUNTRIES.len(), operators().len()), (12, 40));
        let all: f64 = COUNTRIES.iter().map(|country| country.percent).sum();
        let products: f64 = PRODUCTS.iter().map(|product| product.percent).sum();
        assert_eq!((all, products), (100.0, 100.0));
    }
}
