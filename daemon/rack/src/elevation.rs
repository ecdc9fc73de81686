//! `elevation.toml`: racks, power feeds, devices and bays, in `NetBox`'s words, checked against the
//! policy.
//!
//! Owns the typed plan. It must never be believed about what hardware *is*: that is evidence; this
//! is where it should stand.

mod check;
mod finding;
mod foreign;
mod power;
mod read;
mod report;
#[cfg(test)]
pub(crate) mod sample;

use std::collections::BTreeMap;
use std::fmt;

use cofferdam_hwprofile::{NodeName, Policy, ZoneName, vocabulary};

use crate::Faults;

pub use finding::{Finding, Severity, Spot, Survey, Target};
pub use power::Load;
pub use report::{Locator, Report, ReportError, Said};

/// The file's name in a rack directory.
pub const FILE: &str = "elevation.toml";

/// Where everything stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elevation {
    file: String,
    racks: BTreeMap<String, Rack>,
    warnings: Vec<Finding>,
}

/// One rack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rack {
    /// Its name, such as `R1`.
    pub name: String,
    /// How many units it has.
    pub u_height: u8,
    /// The number of its lowest unit.
    pub starting_unit: u8,
    /// What it may carry, in grams.
    pub max_weight_g: Option<u64>,
    /// Which way the air goes, where the file says so.
    pub airflow: Option<Airflow>,
    /// The power feeds, by name.
    pub feeds: BTreeMap<String, Feed>,
    /// What stands in it, in the order of the file.
    pub devices: Vec<Device>,
    /// Its line in the file.
    pub line: usize,
}

/// One power feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// Its name, such as `A`.
    pub name: String,
    /// What it is there for.
    pub role: FeedRole,
    /// In volts.
    pub voltage: u16,
    /// In amperes.
    pub amperage: u16,
    /// How many phases.
    pub phase: Phase,
    /// The share of its capacity that may be used, in percent.
    pub max_utilization: u8,
    /// Its line in the file.
    pub line: usize,
}

/// One thing in a rack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its name.
    pub name: String,
    /// Its model as its firmware says it, where the file says so.
    pub model: Option<String>,
    /// The lowest unit it occupies; `None` for a device without height.
    pub position: Option<u8>,
    /// How many units it occupies.
    pub u_height: u8,
    /// The face it is mounted on.
    pub face: Face,
    /// Whether it takes the whole depth, so that nothing fits behind it.
    pub full_depth: bool,
    /// In grams, where the file says so.
    pub weight_g: Option<u64>,
    /// Which way it blows, where the file says so.
    pub airflow: Option<Airflow>,
    /// Who lives in it, unless it is an enclosure or passive.
    pub tenant: Option<Tenant>,
    /// Its bays, if it is an enclosure.
    pub bays: Vec<Bay>,
    /// How it is fed.
    pub power: Vec<Inlet>,
    /// The line that says how it is fed; an empty list says that it draws nothing.
    pub power_line: Option<usize>,
    /// Its line in the file.
    pub line: usize,
}

/// One bay of an enclosure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bay {
    /// Its name within the enclosure.
    pub name: String,
    /// Its model as its firmware says it, where the file says so.
    pub model: Option<String>,
    /// Who lives in it.
    pub tenant: Option<Tenant>,
    /// Its line in the file.
    pub line: usize,
}

/// A node and its zone, as the plan places them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// The node.
    pub node: NodeName,
    /// The zone.
    pub zone: ZoneName,
}

/// One power supply of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inlet {
    /// The feed it hangs on.
    pub feed: String,
    /// What is set aside for it, in watts.
    pub allocated_w: u32,
    /// What it may draw at most, in watts.
    pub maximum_w: u32,
    /// Its line in the file.
    pub line: usize,
}

vocabulary! {
    /// The face of a rack.
    pub enum Face {
        /// Towards the cold aisle.
        Front = "front",
        /// Towards the hot aisle.
        Rear = "rear",
    }
}

vocabulary! {
    /// What a feed is there for.
    pub enum FeedRole {
        /// Carries the load.
        Primary = "primary",
        /// Carries it when the other is lost.
        Redundant = "redundant",
    }
}

vocabulary! {
    /// How many phases a feed has.
    pub enum Phase {
        /// One.
        Single = "single-phase",
        /// Three.
        Three = "three-phase",
    }
}

vocabulary! {
    /// Which way the air goes.
    pub enum Airflow {
        /// From the front to the rear.
        FrontToRear = "front-to-rear",
        /// From the rear to the front.
        RearToFront = "rear-to-front",
        /// None: it needs no fan.
        Passive = "passive",
    }
}

/// Where a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'e> {
    /// The rack.
    pub rack: &'e Rack,
    /// The device, or the enclosure of its bay.
    pub device: &'e Device,
    /// The device's place in the order of the file.
    pub device_index: usize,
    /// The bay, if it stands in one, with its place in the order of the file.
    pub bay: Option<(usize, &'e Bay)>,
}

impl Place<'_> {
    /// Its line in the file.
    #[must_use]
    pub fn line(&self) -> usize {
        self.bay.map_or(self.device.line, |(_, bay)| bay.line)
    }

    /// Where it is to be shown.
    #[must_use]
    pub fn spot(&self) -> Spot {
        let target = match self.bay {
            Some((bay, _)) => Target::Bay(self.device_index, bay),
            None => Target::Device(self.device_index),
        };
        Spot::new(&self.rack.name, target)
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} ({})",
            self.rack.name,
            self.device.units(),
            self.device.name
        )?;
        match self.bay {
            Some((_, bay)) => write!(f, " bay {}", bay.name),
            None => Ok(()),
        }
    }
}

impl Device {
    /// The first and last unit it occupies; `None` for a device that stands on none.
    #[must_use]
    pub fn span(&self) -> Option<(u16, u16)> {
        let first = u16::from(self.position?);
        let last = first
            .saturating_add(u16::from(self.u_height))
            .checked_sub(1)?;
        (self.u_height > 0).then_some((first, last))
    }

    /// Its units in words, such as `U11` or `U11-U12`.
    #[must_use]
    pub fn units(&self) -> String {
        match self.span() {
            Some((first, last)) if first == last => format!("U{first}"),
            Some((first, last)) => format!("U{first}-U{last}"),
            None => "0 U".to_owned(),
        }
    }

    /// Its name and where it stands, such as `sw1 at U3`.
    fn called(&self) -> String {
        let units = self.units();
        match self.span() {
            Some(_) => format!("{} at {units}", self.name),
            None => format!("{} ({units})", self.name),
        }
    }

    /// Everybody who lives in it, with the bay.
    pub fn tenants(&self) -> impl Iterator<Item = (&Tenant, Option<&Bay>)> {
        let own = self.tenant.iter().map(|tenant| (tenant, None));
        let bays = self
            .bays
            .iter()
            .filter_map(|bay| bay.tenant.as_ref().map(|tenant| (tenant, Some(bay))));
        own.chain(bays)
    }

    /// Everybody who lives in it, with the place; `index` is the device's own in its rack.
    fn places<'e>(
        &'e self,
        rack: &'e Rack,
        index: usize,
    ) -> impl Iterator<Item = (&'e Tenant, Place<'e>)> {
        let place = move |bay| Place {
            rack,
            device: self,
            device_index: index,
            bay,
        };
        let own = self.tenant.iter().map(move |tenant| (tenant, place(None)));
        let bays = self.bays.iter().enumerate().filter_map(move |(at, bay)| {
            let tenant = bay.tenant.as_ref()?;
            Some((tenant, place(Some((at, bay)))))
        });
        own.chain(bays)
    }
}

impl Rack {
    /// Its lowest and its highest unit.
    #[must_use]
    pub fn units(&self) -> (u16, u16) {
        let lowest = u16::from(self.starting_unit);
        let highest = lowest
            .saturating_add(u16::from(self.u_height))
            .saturating_sub(1);
        (lowest, highest)
    }

    /// Which way the air goes: from the front, unless the file says otherwise.
    #[must_use]
    pub fn stream(&self) -> Airflow {
        self.airflow.unwrap_or(Airflow::FrontToRear)
    }

    /// What its devices weigh, in grams, as far as the file says so.
    #[must_use]
    pub fn known_weight_g(&self) -> u64 {
        let weights = self.devices.iter().filter_map(|device| device.weight_g);
        weights.fold(0, u64::saturating_add)
    }

    /// Everybody who lives in it, with the place.
    pub fn places(&self) -> impl Iterator<Item = (&Tenant, Place<'_>)> {
        let devices = self.devices.iter().enumerate();
        devices.flat_map(move |(index, device)| device.places(self, index))
    }
}

impl Elevation {
    /// Reads the elevation of the rack that `policy` describes and checks it; `file` is the name
    /// under which lines are cited.
    ///
    /// # Errors
    /// All faults of the text at once, each with its line, the devices and the units.
    pub fn parse(file: &str, text: &str, policy: &Policy) -> Result<Self, Faults> {
        Self::survey(file, text, policy)?.into_sound()
    }

    /// The same, but gives what the checks found beside the plan, so that both can be drawn.
    ///
    /// # Errors
    /// Faults of the text that leave no plan to speak of.
    pub fn survey(file: &str, text: &str, policy: &Policy) -> Result<Survey, Faults> {
        read::read(file, text, policy)
    }

    /// What the checks found that is no fault and deserves a look.
    #[must_use]
    pub fn warnings(&self) -> &[Finding] {
        &self.warnings
    }

    /// What the machines' own reports say against the plan (K12), and which nodes sent none. All of
    /// it warnings: a firmware that says nothing must not keep a rack from starting.
    #[must_use]
    pub fn compare(&self, reports: &BTreeMap<NodeName, Report>) -> Vec<Finding> {
        report::compare(self, reports)
    }

    /// The racks, by name.
    pub fn racks(&self) -> impl Iterator<Item = &Rack> {
        self.racks.values()
    }

    /// Where a node stands.
    #[must_use]
    pub fn place(&self, node: &NodeName) -> Option<Place<'_>> {
        self.places()
            .find(|(tenant, _)| tenant.node == *node)
            .map(|(_, place)| place)
    }

    /// Every tenant with its place.
    pub fn places(&self) -> impl Iterator<Item = (&Tenant, Place<'_>)> {
        self.racks.values().flat_map(Rack::places)
    }

    /// The name under which the file is cited.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }
}

#[cfg(test)]
mod tests;
