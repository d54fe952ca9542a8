//! Turns what the operator wrote about callbacks into the terms of the engine and of the door.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use smswatch_core::settings::CallbackSettings;
use smswatch_http::CallbackOptions;

use super::document::CallbacksSection;
use super::problem::Problem;

/// A secret with fewer characters can be guessed.
const FEWEST_CHARACTERS: usize = 16;

/// How callbacks are taken in.
#[derive(Debug, Default)]
pub(super) struct Callbacks {
    /// `None` if they are not.
    pub(super) settings: Option<CallbackSettings>,
    pub(super) door: CallbackOptions,
    /// Where they are served and nothing else.
    pub(super) listen: Option<SocketAddr>,
}

/// What the section says, and what is doubtful about it.
pub(super) fn convert(
    section: Option<CallbacksSection>,
) -> Result<(Callbacks, Vec<Problem>), Vec<Problem>> {
    let Some(section) = section else {
        return Ok((Callbacks::default(), Vec::new()));
    };
    let (mut problems, mut doubts) = (Vec::new(), Vec::new());
    let listen = section.listen.as_ref().and_then(|listen| {
        let address = listen.parse::<SocketAddr>();
        address
            .map_err(|_| {
                let problem = Problem::new("/callbacks/listen", "not an IP address and port");
                problems.push(problem.hint("such as `0.0.0.0:8081` or `[::]:8081`"));
            })
            .ok()
    });
    let mut networks = Vec::new();
    for (position, network) in section.networks.iter().enumerate() {
        match network_of(network) {
            Some(network) => networks.push(network),
            None => {
                let place = format!("/callbacks/networks/{position}");
                let problem = Problem::new(place, "not a network");
                problems.push(problem.hint("such as `203.0.113.0/24` or `2001:db8::/32`"));
            }
        }
    }
    if section.silent_after.duration().is_zero() {
        let message = "`silent_after` must be more than `0s`";
        problems.push(Problem::new("/callbacks/silent_after", message));
    }
    let secrets = section.secret.all();
    for (position, secret) in secrets.iter().enumerate() {
        let place = match secrets.len() {
            1 => "/callbacks/secret".to_owned(),
            _ => format!("/callbacks/secret/{position}"),
        };
        if secret.reveal().contains('/') {
            let message = "a `/` would end the segment of the path that the secret is";
            problems.push(Problem::new(place, message));
        } else if secret.reveal().chars().count() < FEWEST_CHARACTERS {
            let doubt = Problem::new(place, "a secret as short as this can be guessed");
            doubts.push(
                doubt
                    .hint("`openssl rand -hex 24` makes a good one")
                    .warning(),
            );
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let settings = CallbackSettings {
        register: section.register,
        hold: section.hold.duration(),
        confirm: section.confirm,
        stretch: section.stretch,
        silent_after: section.silent_after.duration(),
        new_per_minute: section.new_per_minute,
    };
    let callbacks = Callbacks {
        settings: Some(settings),
        door: CallbackOptions { secrets, networks },
        listen,
    };
    Ok((callbacks, doubts))
}

/// A network, or a single address.
fn network_of(text: &str) -> Option<IpNet> {
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse::<IpNet>().or_else(|_| address()).ok()
}
