//! The elevation as lines of text. Every line of a face is equally wide, whatever stands in it;
//! colour is added to finished cells and can never change a width.

use cofferdam_hwprofile::ZoneName;
use cofferdam_hwprofile::refusal::one_line;

use super::mark::Mark;
use super::scene::{Scene, Slot, View, beside, rows, slots};
use super::{Caption, Paint, put};
use crate::elevation::{Bay, Face, Finding, Load, Rack, Severity, Target};

/// How wide a face is drawn, in characters.
const FACE_CHARS: usize = 34;
/// How wide a bar of power is drawn, in characters.
const BAR_CHARS: u64 = 24;
/// The most columns in which devices that claim the same units are drawn.
const LANES_LIMIT: usize = 8;
/// How many are drawn where there are more: the last says how many are not.
const LANES_CROWDED: usize = 4;
/// How wide a bay is at least, in characters; narrower ones are counted.
const BAY_LEAST_CHARS: usize = 2;

pub(super) fn draw(scene: &Scene<'_>, caption: &Caption, paint: Paint) -> String {
    let racks = scene.racks.iter().map(|rack| {
        let mut text = header(scene, rack, caption);
        text.push_str(&faces(scene, rack, paint));
        text.push_str(&panel(scene, rack, paint));
        text
    });
    let text = racks.collect::<Vec<_>>().join("\n");
    if scene.racks.is_empty() {
        return format!("no rack in the plan\n{}", findings(scene.numbered(), paint));
    }
    text
}

fn header(scene: &Scene<'_>, rack: &Rack, caption: &Caption) -> String {
    format!(
        "{}  ·  site {}  ·  {} U  ·  {}  ·  {}\n",
        rack.name,
        one_line(scene.policy.site()),
        rack.u_height,
        one_line(&caption.epoch),
        one_line(&caption.grade)
    )
}

fn faces(scene: &Scene<'_>, rack: &Rack, paint: Paint) -> String {
    let (low, high) = rows(rack);
    let (front, rear) = (slots(rack, Face::Front), slots(rack, Face::Rear));
    let edge = "─".repeat(FACE_CHARS);
    let head = |left: char, right: char| format!("{left}{edge}{right}");
    let mut text = format!(
        "\n     {:<width$}     {}\n    {}    {}\n",
        "front",
        "rear",
        head('┌', '┐'),
        head('┌', '┐'),
        width = FACE_CHARS + 1
    );
    let (lowest, highest) = rack.units();
    for unit in (low..=high).rev() {
        let wall = if (lowest..=highest).contains(&unit) {
            '│'
        } else {
            '┆'
        };
        let side = |slots: &[Slot<'_>], face| {
            format!(
                "{unit:>3} {wall}{}{wall}",
                row(scene, slots, (unit, face), paint)
            )
        };
        let marks = called(&row_notes(scene, rack, (unit, [&front, &rear])), paint);
        let line = format!(
            "{}{}{marks}",
            side(&front, Face::Front),
            side(&rear, Face::Rear)
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    put(
        &mut text,
        format_args!("    {}    {}\n", head('└', '┘'), head('└', '┘')),
    );
    text
}

/// One unit of one face.
fn row(scene: &Scene<'_>, slots: &[Slot<'_>], (unit, face): (u16, Face), paint: Paint) -> String {
    let mut here: Vec<&Slot<'_>> = slots
        .iter()
        .filter(|slot| (slot.first..=slot.last).contains(&unit))
        .collect();
    here.sort_by_key(|slot| slot.lane);
    let Some(lanes) = here.iter().map(|slot| slot.lanes).max() else {
        return " ".repeat(FACE_CHARS);
    };
    // Columns stand beside each other with a wall between; the last takes what is left over.
    let is_crowded = lanes > LANES_LIMIT;
    let lanes = if is_crowded {
        LANES_CROWDED
    } else {
        lanes.max(1)
    };
    let wide = FACE_CHARS.saturating_sub(lanes.saturating_sub(1)) / lanes;
    let cells: Vec<String> = (0..lanes)
        .map(|lane| {
            let used = wide
                .saturating_add(1)
                .saturating_mul(lanes.saturating_sub(1));
            let width = if lane.saturating_add(1) == lanes {
                FACE_CHARS.saturating_sub(used)
            } else {
                wide
            };
            let hidden = here.iter().filter(|slot| slot.lane >= lane).count();
            if is_crowded && lane.saturating_add(1) == lanes && hidden > 0 {
                return fit(&format!("… {hidden} more"), ' ', width);
            }
            match here.iter().find(|slot| slot.lane == lane) {
                Some(slot) => cell(scene, slot, (unit, face), (width, paint)),
                None => " ".repeat(width),
            }
        })
        .collect();
    cells.join(&alarm("╳", paint))
}

fn cell(
    scene: &Scene<'_>,
    slot: &Slot<'_>,
    (unit, face): (u16, Face),
    (width, paint): (usize, Paint),
) -> String {
    let from_top = usize::from(slot.last.saturating_sub(unit));
    let device = slot.device;
    if slot.view == View::Behind {
        let name = format!("┊ ({})", device.name);
        let text = if from_top == 0 {
            name
        } else {
            "┊".to_owned()
        };
        return fit(&text, ' ', width);
    }
    if !device.bays.is_empty() {
        return enclosure(scene, slot, (from_top, face), (width, paint));
    }
    let tenant = device.tenant.as_ref();
    let mark = tenant.and_then(|tenant| scene.mark(&tenant.zone));
    let letter = mark.map_or('▏', |mark| mark.letter);
    let fill = mark.map_or(' ', Mark::fill);
    let text = if from_top == 0 {
        let name = match tenant {
            Some(tenant) if tenant.node.as_str() != device.name => {
                format!("{letter} {} = {} ", device.name, tenant.node)
            }
            Some(_) | None => format!("{letter} {} ", device.name),
        };
        let zone = tenant.map(|tenant| &tenant.zone);
        named(&name, zone, fill, width)
    } else {
        fit(&format!("{letter} "), fill, width)
    };
    coloured(&text, mark, paint)
}

/// A name to the left, the zone's to the right where both have room, its fill between.
fn named(name: &str, zone: Option<&ZoneName>, fill: char, width: usize) -> String {
    let zone = zone.map(|zone| format!(" {zone}")).unwrap_or_default();
    let room = width.saturating_sub(zone.chars().count());
    if name.chars().count() <= room {
        format!("{}{zone}", fit(name, fill, room))
    } else {
        fit(name, fill, width)
    }
}

/// An enclosure: its name above, its bays below, seen from the rear in the other order.
fn enclosure(
    scene: &Scene<'_>,
    slot: &Slot<'_>,
    (from_top, face): (usize, Face),
    (width, paint): (usize, Paint),
) -> String {
    let device = slot.device;
    let lines = usize::from(slot.height());
    let (head, lines) = if lines == 1 { (0, 1) } else { (1, lines - 1) };
    if from_top < head {
        let name = format!("▛ {} · {} bays ", device.name, device.bays.len());
        return fit(&name, '▔', width);
    }
    let line = from_top.saturating_sub(head);
    let columns = device.bays.len().div_ceil(lines).max(1);
    let start = line.saturating_mul(columns);
    let mut bays: Vec<&Bay> = device.bays.iter().skip(start).take(columns).collect();
    if face == Face::Rear {
        bays.reverse();
    }
    let wide = width.saturating_sub(columns) / columns;
    if wide < BAY_LEAST_CHARS && !bays.is_empty() {
        return fit(&format!("▏… {} bays", bays.len()), ' ', width);
    }
    let mut text = String::new();
    let mut left = width;
    for bay in bays {
        let tenant = bay.tenant.as_ref();
        let mark = tenant.and_then(|tenant| scene.mark(&tenant.zone));
        let content = tenant.map_or_else(
            || format!("{} –", bay.name),
            |tenant| {
                let letter = mark.map_or('?', |mark| mark.letter);
                format!("{letter} {}:{}", bay.name, tenant.node)
            },
        );
        let fill = mark.map_or(' ', Mark::fill);
        text.push('▏');
        text.push_str(&coloured(&fit(&content, fill, wide), mark, paint));
        left = left.saturating_sub(wide.saturating_add(1));
    }
    text.push_str(&" ".repeat(left));
    text
}

/// Exactly so wide: cut with an ellipsis, or filled up.
fn fit(text: &str, fill: char, width: usize) -> String {
    let count = text.chars().count();
    if count <= width {
        let rest = std::iter::repeat_n(fill, width - count);
        return text.chars().chain(rest).collect();
    }
    let kept = text.chars().take(width.saturating_sub(1));
    kept.chain((width > 0).then_some('…')).collect()
}

fn coloured(text: &str, mark: Option<Mark>, paint: Paint) -> String {
    match (mark, paint) {
        (Some(mark), Paint::Colour) => {
            format!("\u{1b}[38;5;{}m{text}\u{1b}[0m", mark.colour.terminal)
        }
        (Some(_) | None, Paint::Plain) | (None, Paint::Colour) => text.to_owned(),
    }
}

fn alarm(text: &str, paint: Paint) -> String {
    match paint {
        Paint::Colour => format!("\u{1b}[1;31m{text}\u{1b}[0m"),
        Paint::Plain => text.to_owned(),
    }
}

/// The findings of the devices whose top is in this unit.
fn row_notes<'s>(
    scene: &Scene<'s>,
    rack: &Rack,
    (unit, faces): (u16, [&[Slot<'_>]; 2]),
) -> Vec<(usize, &'s Finding)> {
    let mut notes: Vec<(usize, &Finding)> = faces
        .into_iter()
        .flatten()
        .filter(|slot| slot.last == unit)
        .flat_map(|slot| scene.pointing_at_device(rack, slot.index))
        .collect();
    notes.sort_by_key(|(number, _)| *number);
    notes.dedup_by_key(|(number, _)| *number);
    notes
}

/// A pointer to the numbered findings: ◀ for faults, ◁ for warnings.
fn called(notes: &[(usize, &Finding)], paint: Paint) -> String {
    if notes.is_empty() {
        return String::new();
    }
    let is_fault = notes
        .iter()
        .any(|(_, finding)| finding.severity == Severity::Fault);
    let numbers: Vec<String> = notes.iter().map(|(number, _)| number.to_string()).collect();
    let text = numbers.join(" ");
    if is_fault {
        format!(" {}", alarm(&format!("◀ {text}"), paint))
    } else {
        format!(" ◁ {text}")
    }
}

fn panel(scene: &Scene<'_>, rack: &Rack, paint: Paint) -> String {
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

fn findings<'f>(notes: impl Iterator<Item = (usize, &'f Finding)>, paint: Paint) -> String {
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
pub(super) fn tenths_of_kilograms(grams: u64) -> String {
    let tenths = grams.saturating_add(50) / 100;
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests;
