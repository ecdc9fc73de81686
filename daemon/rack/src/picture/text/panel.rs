//! What stands below the faces in text: the devices beside the units, the zones with their marks,
//! the power of each feed in each case, the weight, and every finding in words. Must never put a
//! finding's text on a line without escaping it.

use cofferdam_hwprofile::refusal::one_line;

use super::super::Paint;
use super::super::put;
use super::super::scene::{Scene, beside};
use super::{alarm, called, coloured};
use crate::elevation::{Finding, Load, Rack, Severity, Target};

/// How wide a bar of power is drawn, in characters.
const BAR_CHARS: u64 = 24;

/// Draws the panel.
pub(super) fn draw(scene: &Scene<'_>, rack: &Rack, paint: Paint) -> String {
    let mut text = String::new();
    let hung: Vec<String> = beside(rack)
        .into_iter()
        .map(|(index, device)| {
            let notes = called(&scene.pointing_at_device(rack, index), paint);
            format!("{} ({}){notes}", device.name, device.units())
        })
        .collect();
    if !hung.is_empty() {
        put(&mut text, format_args!("beside  {}\n", hung.join(", ")));
    }
    put(&mut text, format_args!("\n{}", zones(scene, paint)));
    text.push_str(&power(scene, rack, paint));
    let most = rack.max_weight_g.map_or(String::new(), |most| {
        format!(" of {} kg", tenths_of_kilograms(most))
    });
    let notes = called(&scene.pointing(rack, &Target::Rack), paint);
    let weight = tenths_of_kilograms(rack.known_weight_g());
    put(
        &mut text,
        format_args!("\nweight  {weight} kg{most}{notes}\n"),
    );
    text.push_str(&findings(scene.notes(rack), paint));
    text
}

fn zones(scene: &Scene<'_>, paint: Paint) -> String {
    let lines = scene.policy.zones().filter_map(|zone| {
        let mark = scene.mark(&zone.name)?;
        let fill: String = std::iter::repeat_n(mark.fill(), 3).collect();
        let sample = coloured(&format!("{} {fill}", mark.letter), Some(mark), paint);
        Some(format!(
            "  {sample}  {:<16} {:<10} {}\n",
            zone.name, zone.exposure, zone.data
        ))
    });
    format!(
        "zones\n{}  ┊ (name)  reaches through from the other face\n",
        lines.collect::<String>()
    )
}

fn power(scene: &Scene<'_>, rack: &Rack, paint: Paint) -> String {
    let mut text = String::from("\npower\n");
    for feed in rack.feeds.values() {
        put(
            &mut text,
            format_args!(
                "  feed {} ({})  {} V × {} A × {} %, {}\n",
                feed.name, feed.role, feed.voltage, feed.amperage, feed.max_utilization, feed.phase
            ),
        );
        for load in rack.loads(feed) {
            let target = Target::Feed {
                name: feed.name.clone(),
                lost: load.lost.map(str::to_owned),
            };
            let notes = called(&scene.pointing(rack, &target), paint);
            put(
                &mut text,
                format_args!(
                    "    {:<22} {} {:>6} of {} W{notes}\n",
                    load.case(),
                    bar(load, paint),
                    load.watts,
                    load.capacity_watts
                ),
            );
        }
    }
    if rack.feeds.is_empty() {
        text.push_str("  no feeds in the plan\n");
    }
    text
}

fn bar(load: Load<'_>, paint: Paint) -> String {
    let full = load.watts.saturating_mul(BAR_CHARS) / load.capacity_watts.max(1);
    let cells = usize::try_from(full.min(BAR_CHARS)).unwrap_or(0);
    let all = usize::try_from(BAR_CHARS).unwrap_or(0);
    let drawn = format!(
        "{}{}",
        "█".repeat(cells),
        "░".repeat(all.saturating_sub(cells))
    );
    if load.is_over() {
        alarm(&format!("{drawn}▶"), paint)
    } else {
        format!("{drawn} ")
    }
}

/// Every finding in words.
pub(super) fn findings<'f>(
    notes: impl Iterator<Item = (usize, &'f Finding)>,
    paint: Paint,
) -> String {
    let mut text = String::new();
    for (number, finding) in notes {
        let entry = finding.code.entry();
        let title = format!("{number:>3} {} {}", entry.code, entry.title);
        let (sort, title) = match finding.severity {
            Severity::Fault => ("fault  ", alarm(&title, paint)),
            Severity::Warning => ("warning", title),
        };
        put(&mut text, format_args!("  {sort} {title}\n"));
        for line in &finding.refusal.read {
            put(
                &mut text,
                format_args!("              {}\n", one_line(line)),
            );
        }
    }
    if text.is_empty() {
        return "\nno findings\n".to_owned();
    }
    format!("\nfindings\n{text}")
}

/// A weight to the tenth of a kilogram.
pub(in crate::picture) fn tenths_of_kilograms(grams: u64) -> String {
    let tenths = grams.saturating_add(50) / 100;
    format!("{}.{}", tenths / 10, tenths % 10)
}
