//! What a simulator starts with.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::fate::{Fate, WeightedFate};
use crate::message::MessageSpec;
use crate::population::PopulationSpec;
use crate::switches::Switches;

/// The configuration of a simulator; every key has a default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SimConfig {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The application id that gets tokens.
    pub application_id: String,
    /// Its secret. It guards nothing but the simulator.
    pub application_secret: String,
    /// Random ids, fates and faults follow from the seed.
    pub seed: u64,
    /// The switches at the start and after a reset.
    pub switches: Switches,
    /// What becomes of messages that are sent through the simulator.
    pub send: SendConfig,
    /// Messages to register at the start and after a reset.
    pub messages: Vec<MessageSpec>,
    /// Populations to make at the start and after a reset.
    pub populations: Vec<PopulationSpec>,
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            application_id: "sim-app".to_owned(),
            application_secret: "sim-secret".to_owned(),
            seed: 1,
            switches: Switches::default(),
            send: SendConfig::default(),
            messages: Vec::new(),
            populations: Vec::new(),
        }
    }
}

/// The fates of sent messages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SendConfig {
    /// The mix that is drawn from; all `delivered` when empty.
    pub fates: Vec<WeightedFate>,
    /// Recipients whose fate is certain.
    pub fate_by_recipient: BTreeMap<String, Fate>,
    /// Stretches every delay of the fates.
    pub time_scale: f64,
}

impl Default for SendConfig {
    fn default() -> Self {
        Self {
            fates: Vec::new(),
            fate_by_recipient: BTreeMap::new(),
            time_scale: 1.0,
        }
    }
}
