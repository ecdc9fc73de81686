//! Power: what each feed carries with all feeds and with each lost in turn (K7), and who falls with
//! one feed (K8).
//!
//! `maximum_w` of a supply is what it may draw at most; a device may draw what the supplies of its
//! strongest feed can together, because that feed must carry it alone. Its supplies share that
//! evenly, none beyond its own maximum; when a feed is lost, those that remain carry all of it.

use std::collections::BTreeMap;

use cofferdam_hwprofile::{DataClass, Policy};

use super::finding::{Ledger, Spot, Target};
use super::{Device, Elevation, Feed, Inlet, Phase, Rack};
use crate::Code;
use crate::spelling::nearest;

/// Thousandths in the factor of three phases, the square root of three.
const THREE_PHASE_MILLI: u64 = 1732;

/// What one feed carries in one case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load<'r> {
    /// The feed.
    pub feed: &'r Feed,
    /// Which other feed is lost; none when all live.
    pub lost: Option<&'r str>,
    /// What it carries, in watts, rounded up.
    pub watts: u64,
    /// What it may carry, in watts, rounded down.
    pub capacity_watts: u64,
}

impl Load<'_> {
    /// Whether it is more than the feed may carry.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.watts > self.capacity_watts
    }

    /// The case in words.
    #[must_use]
    pub fn case(&self) -> String {
        self.lost.map_or("with all feeds".to_owned(), |name| {
            format!("with feed {name} lost")
        })
    }
}

impl Rack {
    /// What a feed carries: with all feeds first, then with each other feed lost in turn.
    pub fn loads<'r>(&'r self, feed: &'r Feed) -> impl Iterator<Item = Load<'r>> {
        let lost = self
            .feeds
            .keys()
            .map(String::as_str)
            .filter(|name| *name != feed.name)
            .map(Some);
        std::iter::once(None).chain(lost).map(move |lost| {
            let milliwatts = self.devices.iter().fold(0_u64, |sum, device| {
                sum.saturating_add(load_milliwatts(device, feed, lost))
            });
            Load {
                feed,
                lost,
                watts: milliwatts.div_ceil(1000),
                capacity_watts: capacity_milliwatts(feed) / 1000,
            }
        })
    }
}

/// Runs every check.
pub(super) fn check(ledger: &mut Ledger<'_, '_>, elevation: &Elevation, policy: &Policy) {
    for rack in elevation.racks() {
        for (index, device) in rack.devices.iter().enumerate() {
            note_unknown_feeds(ledger, rack, (index, device));
            note_idle_supply(ledger, rack, (index, device));
            note_unknown_draw(ledger, rack, (index, device));
            note_single_feed(ledger, rack, (index, device), policy);
        }
        for feed in rack.feeds.values() {
            note_overload(ledger, rack, feed);
        }
    }
}

fn at(rack: &Rack, index: usize) -> Vec<Spot> {
    vec![Spot::new(&rack.name, Target::Device(index))]
}

fn note_unknown_feeds(ledger: &mut Ledger<'_, '_>, rack: &Rack, (index, device): (usize, &Device)) {
    for inlet in device
        .power
        .iter()
        .filter(|inlet| !rack.feeds.contains_key(&inlet.feed))
    {
        let names = rack.feeds.keys().map(String::as_str);
        let near = nearest(&inlet.feed, names.clone());
        let fix = near.map_or_else(
            || {
                format!(
                    "the feeds of {} are: {}",
                    rack.name,
                    names.collect::<Vec<_>>().join(", ")
                )
            },
            |word| format!("did you mean {word:?}?"),
        );
        let seen = format!("{} draws from the feed {:?}", device.name, inlet.feed);
        let spots = at(rack, index);
        ledger.fault_with(Code::UnknownFeed, (inlet.line, &seen), &fix, spots);
    }
}

/// K7, in the making: a supply that draws nothing makes every feed look free.
fn note_idle_supply(ledger: &mut Ledger<'_, '_>, rack: &Rack, (index, device): (usize, &Device)) {
    for inlet in device.power.iter().filter(|inlet| inlet.maximum_w == 0) {
        let seen = format!(
            "{} at {} of {} draws 0 W from feed {}",
            device.name,
            device.units(),
            rack.name,
            inlet.feed
        );
        let consequence = "the load of the feed is a lower bound";
        let spots = at(rack, index);
        ledger.warn(Code::IdleSupply, (inlet.line, &seen), consequence, spots);
    }
}

/// K7, in the making: a device that says nothing of its power counts as if it drew nothing. Of a
/// device with a node K8 tells.
fn note_unknown_draw(ledger: &mut Ledger<'_, '_>, rack: &Rack, (index, device): (usize, &Device)) {
    let is_told = device.power_line.is_some() || device.tenants().next().is_some();
    if is_told || rack.feeds.is_empty() {
        return;
    }
    let seen = format!("{} of {} says no power", device.called(), rack.name);
    let consequence = "the load of the feeds is a lower bound";
    let spots = at(rack, index);
    ledger.warn(Code::DrawUnknown, (device.line, &seen), consequence, spots);
}

/// K8: a fault where the data identify people, a warning for every other node.
fn note_single_feed(
    ledger: &mut Ledger<'_, '_>,
    rack: &Rack,
    (index, device): (usize, &Device),
    policy: &Policy,
) {
    // A supply that can draw nothing holds nothing up.
    let mut feeds = device
        .power
        .iter()
        .filter(|inlet| inlet.maximum_w > 0)
        .map(|inlet| inlet.feed.as_str());
    let first = feeds.next();
    if feeds.any(|feed| Some(feed) != first) {
        return;
    }
    let identifying = device.tenants().find(|(tenant, _)| {
        policy
            .zone(&tenant.zone)
            .is_some_and(|zone| zone.data == DataClass::Identifying)
    });
    let feeds = first.map_or("no feed at all".to_owned(), |feed| {
        format!("feed {feed} alone")
    });
    let (name, units) = (&device.name, device.units());
    if let Some((tenant, _)) = identifying {
        let seen = format!(
            "{name} at {units} holds the identifying data of {} and hangs on {feeds}",
            tenant.zone
        );
        ledger.fault(Code::SingleFeed, device.line, &seen, at(rack, index));
    } else if let Some((tenant, _)) = device.tenants().next() {
        let seen = format!(
            "{name} at {units} of {} holds {} and hangs on {feeds}",
            rack.name, tenant.node
        );
        let consequence = "the node falls with one feed, or the plan does not say what it draws";
        let spots = at(rack, index);
        ledger.warn(Code::NodeOneFeed, (device.line, &seen), consequence, spots);
    }
}

/// K7, for one feed: the first case that overloads it is told.
fn note_overload(ledger: &mut Ledger<'_, '_>, rack: &Rack, feed: &Feed) {
    let Some(load) = rack.loads(feed).find(Load::is_over) else {
        return;
    };
    let heaviest = rack
        .devices
        .iter()
        .max_by_key(|device| load_milliwatts(device, feed, load.lost));
    let heaviest = heaviest
        .map(|device| format!("; the heaviest is {} at {}", device.name, device.units()))
        .unwrap_or_default();
    let seen = format!(
        "feed {} of {} would carry {} W {} and may carry {} W{heaviest}",
        feed.name,
        rack.name,
        load.watts,
        load.case(),
        load.capacity_watts
    );
    let target = Target::Feed {
        name: feed.name.clone(),
        lost: load.lost.map(str::to_owned),
    };
    let spots = vec![Spot::new(&rack.name, target)];
    ledger.fault(Code::FeedOverload, feed.line, &seen, spots);
}

fn capacity_milliwatts(feed: &Feed) -> u64 {
    let volt_amperes = u64::from(feed.voltage).saturating_mul(u64::from(feed.amperage));
    let factor = match feed.phase {
        Phase::Single => 1000,
        Phase::Three => THREE_PHASE_MILLI,
    };
    volt_amperes
        .saturating_mul(factor)
        .saturating_mul(u64::from(feed.max_utilization))
        / 100
}

/// What a device puts on a feed while `lost` is without power.
fn load_milliwatts(device: &Device, feed: &Feed, lost: Option<&str>) -> u64 {
    let mut live: Vec<&Inlet> = device
        .power
        .iter()
        .filter(|inlet| Some(inlet.feed.as_str()) != lost)
        .collect();
    // The weakest first: what it cannot carry falls to the others.
    live.sort_by_key(|inlet| inlet.maximum_w);
    let mut left = demand_milliwatts(device, lost);
    let mut on_feed = 0_u64;
    for (index, inlet) in live.iter().enumerate() {
        let sharing = u64::try_from(live.len().saturating_sub(index)).unwrap_or(u64::MAX);
        let most = u64::from(inlet.maximum_w).saturating_mul(1000);
        let share = left.div_ceil(sharing.max(1)).min(most);
        // Rounded the other way, so that each share is rounded up and none is rounded away.
        left = left.saturating_sub((left / sharing.max(1)).min(most));
        if inlet.feed == feed.name {
            on_feed = on_feed.saturating_add(share);
        }
    }
    on_feed
}

/// What a device may draw in all: what its strongest feed can carry, and while every feed lives at
/// least what is set aside for its supplies.
fn demand_milliwatts(device: &Device, lost: Option<&str>) -> u64 {
    let mut feeds: BTreeMap<&str, u64> = BTreeMap::new();
    for inlet in &device.power {
        let sum = feeds.entry(inlet.feed.as_str()).or_default();
        *sum = sum.saturating_add(u64::from(inlet.maximum_w));
    }
    let strongest = feeds.into_values().max().unwrap_or(0);
    let aside = device.power.iter().fold(0_u64, |sum, inlet| {
        sum.saturating_add(u64::from(inlet.allocated_w))
    });
    let watts = match lost {
        None => strongest.max(aside),
        Some(_) => strongest,
    };
    watts.saturating_mul(1000)
}

#[cfg(test)]
mod tests;
