//! The elevation as lines of text. Every line of a face is equally wide, whatever stands in it;
//! colour is added to finished cells and can never change a width.

mod panel;

pub(super) use panel::tenths_of_kilograms;

use cofferdam_hwprofile::ZoneName;
use cofferdam_hwprofile::refusal::one_line;

use super::mark::Mark;
use super::scene::{Scene, Slot, View, rows, slots};
use super::{Caption, Paint, put};
use crate::elevation::{Bay, Face, Finding, Rack, Severity};

/// How wide a face is drawn, in characters.
const FACE_CHARS: usize = 34;
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
        text.push_str(&panel::draw(scene, rack, paint));
        text
    });
    let text = racks.collect::<Vec<_>>().join("\n");
    if scene.racks.is_empty() {
        return format!(
            "no rack in the plan\n{}",
            panel::findings(scene.numbered(), paint)
        );
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

#[cfg(test)]
mod tests;
