//! The checks over power: K7, with all feeds and with each lost in turn, and K8.
//!
//! A device's supplies share its load evenly while all their feeds live; when a feed is lost, those
//! that remain carry all of it. `maximum_w` of a supply is what it may draw when it carries the
//! device alone.

use cofferdam_hwprofile::{DataClass, Policy};

use super::{Device, Elevation, Feed, Phase, Rack};
use crate::Code;
use crate::document::Sheet;
use crate::spelling::nearest;

/// Thousandths in the factor of three phases, the square root of three.
const THREE_PHASE_MILLI: u64 = 1732;

/// Runs every check.
pub(super) fn check(sheet: &mut Sheet<'_>, elevation: &Elevation, policy: &Policy) {
    for rack in elevation.racks() {
        for device in &rack.devices {
            note_unknown_feeds(sheet, rack, device);
            note_single_feed(sheet, device, policy);
        }
        for feed in rack.feeds.values() {
            note_overload(sheet, rack, feed);
        }
    }
}

fn note_unknown_feeds(sheet: &mut Sheet<'_>, rack: &Rack, device: &Device) {
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
        sheet.fault(Code::UnknownFeed, inlet.line, &seen, &fix);
    }
}

/// K8.
fn note_single_feed(sheet: &mut Sheet<'_>, device: &Device, policy: &Policy) {
    let identifying = device.tenants().find(|(tenant, _)| {
        policy
            .zone(&tenant.zone)
            .is_some_and(|zone| zone.data == DataClass::Identifying)
    });
    let Some((tenant, _)) = identifying else {
        return;
    };
    let first = device.power.first().map(|inlet| inlet.feed.as_str());
    if device
        .power
        .iter()
        .any(|inlet| Some(inlet.feed.as_str()) != first)
    {
        return;
    }
    let seen = format!(
        "{} at {} holds the identifying data of {} and hangs on {}",
        device.name,
        device.units(),
        tenant.zone,
        first.map_or("no feed at all".to_owned(), |feed| format!(
            "feed {feed} alone"
        ))
    );
    sheet.fault(
        Code::SingleFeed,
        device.line,
        &seen,
        Code::SingleFeed.entry().mend,
    );
}

/// K7, for one feed: the first case that overloads it is told.
fn note_overload(sheet: &mut Sheet<'_>, rack: &Rack, feed: &Feed) {
    let capacity = capacity_milliwatts(feed);
    let lost = rack
        .feeds
        .keys()
        .map(String::as_str)
        .filter(|name| *name != feed.name)
        .map(Some);
    let overloaded = std::iter::once(None).chain(lost).find_map(|lost| {
        let load = rack.devices.iter().fold(0_u64, |sum, device| {
            sum.saturating_add(load_milliwatts(device, feed, lost))
        });
        (load > capacity).then_some((lost, load))
    });
    let Some((lost, load)) = overloaded else {
        return;
    };
    let case = lost.map_or("with all feeds".to_owned(), |name| {
        format!("with feed {name} lost")
    });
    let heaviest = rack
        .devices
        .iter()
        .max_by_key(|device| load_milliwatts(device, feed, lost));
    let heaviest = heaviest
        .map(|device| format!("; the heaviest is {} at {}", device.name, device.units()))
        .unwrap_or_default();
    let seen = format!(
        "feed {} of {} would carry {} W {case} and may carry {} W{heaviest}",
        feed.name,
        rack.name,
        load.div_ceil(1000),
        capacity / 1000
    );
    sheet.fault(
        Code::FeedOverload,
        feed.line,
        &seen,
        Code::FeedOverload.entry().mend,
    );
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
    let live = device
        .power
        .iter()
        .filter(|inlet| Some(inlet.feed.as_str()) != lost);
    let count = u64::try_from(live.clone().count())
        .unwrap_or(u64::MAX)
        .max(1);
    let on_feed = live.filter(|inlet| inlet.feed == feed.name);
    let watts = on_feed.fold(0_u64, |sum, inlet| {
        sum.saturating_add(u64::from(inlet.maximum_w))
    });
    watts.saturating_mul(1000).div_ceil(count)
}
