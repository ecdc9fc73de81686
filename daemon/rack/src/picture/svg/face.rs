//! One face of a rack: rails with numbered units, devices with their zones, enclosures with their
//! bays, and the findings beside what they are about.

use super::super::mark::Mark;
use super::super::put;
use super::super::scene::{Scene, Slot, View, beside, rows, slots};
use super::canvas::{Area, Canvas, Type};
use super::pills;
use crate::elevation::{Bay, Device, Face, Finding, Rack, Severity, Target};

/// How high a unit is drawn.
pub(super) const UNIT: u32 = 24;
/// How wide the place between the rails is.
const INSIDE: u32 = 316;
/// How wide a rail is.
const RAIL: u32 = 13;
/// How wide the numbers of the units are.
const NUMBERS: u32 = 28;
/// How wide a strip for devices without height is.
const STRIP: u32 = 20;
/// How wide the place for findings is.
const NOTES: u32 = 58;
/// How wide a face is in all.
pub(super) const WIDTH: u32 = NUMBERS + STRIP + RAIL + INSIDE + RAIL + STRIP + NOTES;

/// How wide the field of a letter must be at least to hold it.
const LETTER_LEAST: u32 = 12;

const NAME: Type = Type::new(13, "b");
const SMALL: Type = Type::new(11, "m");
const NUMBER: Type = Type::new(11, "n e");
const LETTER: Type = Type::new(13, "b c");

/// The height of a face, frame included.
pub(super) fn height(rack: &Rack) -> u32 {
    let (low, high) = rows(rack);
    let units = u32::from(high.saturating_sub(low)).saturating_add(1);
    units.saturating_mul(UNIT).saturating_add(16)
}

/// The pen and what it draws from.
pub(super) struct FaceArt<'a, 's> {
    pub(super) scene: &'a Scene<'s>,
    pub(super) rack: &'a Rack,
    pub(super) face: Face,
    pub(super) left: u32,
    pub(super) top: u32,
}

impl FaceArt<'_, '_> {
    /// Draws the face. Gives how low it reaches.
    pub(super) fn draw(&self, canvas: &mut Canvas) -> u32 {
        let title = match self.face {
            Face::Front => "FRONT",
            Face::Rear => "REAR",
        };
        let at = (self.inside().x, self.top.saturating_sub(10));
        canvas.text(at, Type::new(12, "h"), title);
        self.frame(canvas);
        let mut bottom = self.top.saturating_add(height(self.rack));
        if self.face == Face::Rear {
            bottom = bottom.max(self.strips(canvas));
        }
        let mut slots = slots(self.rack, self.face);
        slots.sort_by_key(|slot| (std::cmp::Reverse(slot.last), slot.lane));
        let mut lowest_pill = 0;
        for slot in &slots {
            let area = self.area(slot);
            self.device(canvas, slot, area);
            let notes = self.scene.pointing_at_device(self.rack, slot.index);
            self.outline(canvas, slot, &notes, area);
            if slot.view == View::Own && !notes.is_empty() {
                let rows = u32::try_from(notes.len().div_ceil(2)).unwrap_or(1);
                let above = (rows.saturating_sub(1)).saturating_mul(10);
                let begin = area.middle().saturating_sub(above).max(lowest_pill);
                bottom = bottom.max(pills(canvas, (self.notes_left(), begin), &notes));
                lowest_pill = begin.saturating_add(rows.saturating_mul(20));
            }
        }
        bottom
    }

    /// The place between the rails.
    fn inside(&self) -> Area {
        let x = self.left + NUMBERS + STRIP + RAIL;
        let high = height(self.rack).saturating_sub(16);
        Area::new(x, self.top + 8, INSIDE, high)
    }

    /// Where the top of a unit is.
    fn unit_top(&self, unit: u16) -> u32 {
        let (_, high) = rows(self.rack);
        let below = u32::from(high.saturating_sub(unit));
        self.inside().y.saturating_add(below.saturating_mul(UNIT))
    }

    fn frame(&self, canvas: &mut Canvas) {
        let inside = self.inside();
        let (lowest, highest) = self.rack.units();
        let top = self.unit_top(highest);
        let units = u32::from(self.rack.u_height).saturating_mul(UNIT);
        let outer = Area::new(inside.x - RAIL, top - 8, INSIDE + 2 * RAIL, units + 16);
        canvas.shape(outer, 5, "class=\"frame\"");
        canvas.shape(
            Area::new(inside.x, top, INSIDE, units),
            0,
            "class=\"hollow\"",
        );
        for x in [inside.x - RAIL, inside.right()] {
            let rail = Area::new(x, top, RAIL, units);
            canvas.shape(rail, 0, "fill=\"url(#holes)\"");
        }
        let (low, high) = rows(self.rack);
        let mut lines = String::new();
        for unit in low..=high {
            let y = self.unit_top(unit);
            let is_own = (lowest..=highest).contains(&unit);
            let set = if is_own {
                NUMBER
            } else {
                Type::new(11, "n e bad")
            };
            let at = (self.left + NUMBERS - 4 + STRIP - 2, y + UNIT / 2 + 4);
            let at = if self.has_strips() {
                (self.left + NUMBERS - 4, at.1)
            } else {
                at
            };
            canvas.text(at, set, &unit.to_string());
            if unit < highest && is_own {
                put(
                    &mut lines,
                    format_args!("M{} {y}H{}", inside.x, inside.right()),
                );
            }
        }
        canvas.path(&lines, "class=\"line\"");
    }

    /// Where the findings of this face begin.
    fn notes_left(&self) -> u32 {
        let strip = if self.has_strips() { STRIP } else { 0 };
        self.inside().right() + RAIL + strip + 6
    }

    fn has_strips(&self) -> bool {
        self.face == Face::Rear && !beside(self.rack).is_empty()
    }

    /// Devices without height hang beside the rails, seen from the rear: one left, one right. Gives
    /// how low their findings reach.
    fn strips(&self, canvas: &mut Canvas) -> u32 {
        let mut bottom = 0;
        let hung = beside(self.rack);
        let inside = self.inside();
        for (side, x) in [(0, self.left + NUMBERS + 1), (1, inside.right() + RAIL + 2)] {
            let here: Vec<&(usize, &Device)> = hung.iter().skip(side).step_by(2).collect();
            let count = u32::try_from(here.len()).unwrap_or(u32::MAX).max(1);
            let high = inside.h / count;
            for (place, (index, device)) in (0..).zip(here) {
                let y = inside.y.saturating_add(high.saturating_mul(place));
                let strip = Area::new(x, y, STRIP - 3, high.saturating_sub(4));
                canvas.open(&format!("{}: {}", device.name, device.units()));
                canvas.shape(strip, 3, "class=\"passive\"");
                let name = SMALL.cut(&device.name, strip.h.saturating_sub(8));
                let at = (strip.x + strip.w / 2 + 4, strip.middle());
                canvas.upright(at, Type::new(11, "m c"), &name);
                let notes = self.scene.pointing_at_device(self.rack, *index);
                if !notes.is_empty() {
                    canvas.shape(strip, 3, alarm(&notes));
                    let at = (self.notes_left(), strip.y + 14);
                    bottom = bottom.max(pills(canvas, at, &notes));
                }
                canvas.close();
            }
        }
        bottom
    }

    fn area(&self, slot: &Slot<'_>) -> Area {
        let inside = self.inside();
        let lanes = u32::try_from(slot.lanes).unwrap_or(1).max(1);
        let lane = u32::try_from(slot.lane).unwrap_or(0);
        let wide = inside.w / lanes;
        let high = u32::from(slot.height()).saturating_mul(UNIT);
        let x = inside.x.saturating_add(wide.saturating_mul(lane));
        Area::new(x, self.unit_top(slot.last), wide, high).inset(1)
    }

    fn device(&self, canvas: &mut Canvas, slot: &Slot<'_>, area: Area) {
        let device = slot.device;
        canvas.open(&told(device));
        if slot.view == View::Behind {
            canvas.shape(area, 3, "class=\"behind\"");
            let set = Type::new(11, "i");
            let name = set.cut(&device.name, area.w.saturating_sub(16));
            plate(canvas, (area.x + 8, area.middle()), &[(set, &name)]);
        } else if !device.bays.is_empty() {
            self.enclosure(canvas, slot, area);
        } else if let Some(tenant) = &device.tenant {
            let mark = self.scene.mark(&tenant.zone);
            ground(canvas, area, mark, 24);
            let mut name = device.name.clone();
            if tenant.node.as_str() != device.name {
                put(&mut name, format_args!(" = {}", tenant.node));
            }
            let room = area.w.saturating_sub(44);
            let name = NAME.cut(&name, room);
            let rest = room.saturating_sub(NAME.width(&name) + 12);
            let zone = SMALL.cut(tenant.zone.as_str(), rest);
            plate(
                canvas,
                (area.x + 34, area.middle()),
                &[(NAME, &name), (SMALL, &zone)],
            );
        } else {
            canvas.shape(area, 3, "class=\"passive\"");
            let name = SMALL.cut(&device.name, area.w.saturating_sub(16));
            canvas.text((area.x + 10, area.middle() + 4), SMALL, &name);
        }
        canvas.close();
    }

    /// An enclosure: its name on a strip above, its bays below; from the rear in the other order.
    fn enclosure(&self, canvas: &mut Canvas, slot: &Slot<'_>, area: Area) {
        let device = slot.device;
        canvas.shape(area, 3, "class=\"enclosure\"");
        let lines: u32 = if slot.height() > 1 { 2 } else { 1 };
        let head = if lines > 1 { 17 } else { 0 };
        let count = u32::try_from(device.bays.len()).unwrap_or(1).max(1);
        let lines = if count <= 4 { 1 } else { lines };
        if head > 0 {
            let text = format!("{} · {count} bays", device.name);
            let text = Type::new(11, "w").cut(&text, area.w.saturating_sub(16));
            canvas.text((area.x + 8, area.y + 13), Type::new(11, "w"), &text);
        }
        let columns = count.div_ceil(lines);
        // Devices that claim the same units may leave an enclosure hardly any width.
        let body = Area::new(
            area.x + 3,
            area.y + head + 1,
            area.w.saturating_sub(6),
            area.h.saturating_sub(head + 4),
        );
        let wide = body.w / columns.max(1);
        let high = body.h / lines;
        for (index, bay) in device.bays.iter().enumerate() {
            let place = u32::try_from(index).unwrap_or(0);
            let (line, column) = (place / columns, place % columns);
            let column = match self.face {
                Face::Front => column,
                Face::Rear => columns.saturating_sub(column).saturating_sub(1),
            };
            let x = body.x.saturating_add(wide.saturating_mul(column));
            let y = body.y.saturating_add(high.saturating_mul(line));
            let cell = Area::new(x, y, wide, high).inset(1);
            self.bay(canvas, (slot.index, index, bay), cell);
        }
    }

    fn bay(&self, canvas: &mut Canvas, (device, index, bay): (usize, usize, &Bay), cell: Area) {
        let set = Type::new(if cell.h >= 17 { 11 } else { 10 }, "b");
        if let Some(tenant) = &bay.tenant {
            ground(canvas, cell, self.scene.mark(&tenant.zone), 17);
            let text = format!("{} {}", bay.name, tenant.node);
            let text = set.cut(&text, cell.w.saturating_sub(30));
            plate(canvas, (cell.x + 24, cell.middle()), &[(set, &text)]);
        } else {
            canvas.shape(cell, 2, "class=\"passive\"");
            let set = Type::new(10, "m");
            let text = set.cut(&format!("{} empty", bay.name), cell.w.saturating_sub(12));
            canvas.text((cell.x + 6, cell.middle() + 4), set, &text);
        }
        let notes = self.scene.pointing(self.rack, &Target::Bay(device, index));
        if !notes.is_empty() {
            canvas.shape(cell, 2, alarm(&notes));
        }
    }

    /// The border that says that something is wrong with this device. One of a single bay is drawn
    /// around the bay.
    fn outline(
        &self,
        canvas: &mut Canvas,
        slot: &Slot<'_>,
        notes: &[(usize, &Finding)],
        area: Area,
    ) {
        let target = Target::Device(slot.index);
        let own = self.scene.pointing(self.rack, &target);
        let around = match (slot.view, own.is_empty()) {
            (View::Own, false) => &own,
            (View::Behind, _) if is_fault(notes) => notes,
            (View::Own, true) | (View::Behind, _) => return,
        };
        canvas.shape(area, 3, alarm(around));
    }
}

/// What a pointer that rests on a device is told.
fn told(device: &Device) -> String {
    let mut text = format!("{} at {}", device.name, device.units());
    if let Some(model) = &device.model {
        put(&mut text, format_args!(" · {model}"));
    }
    for (tenant, bay) in device.tenants() {
        let bay = bay.map_or(String::new(), |bay| format!("bay {}: ", bay.name));
        put(
            &mut text,
            format_args!(" · {bay}{} ({})", tenant.node, tenant.zone),
        );
    }
    for inlet in &device.power {
        put(
            &mut text,
            format_args!(" · feed {} up to {} W", inlet.feed, inlet.maximum_w),
        );
    }
    text
}

/// The ground of a zone, with its letter on a field of its own.
fn ground(canvas: &mut Canvas, area: Area, mark: Option<Mark>, tab: u32) {
    let Some(mark) = mark else {
        canvas.shape(area, 3, "class=\"passive\"");
        return;
    };
    let fill = format!(
        "fill=\"url(#z{})\" stroke=\"{}\" stroke-width=\"1\"",
        mark.number, mark.colour.strong
    );
    canvas.shape(area, 3, &fill);
    let tab = tab.min(area.w);
    let field = Area::new(area.x, area.y, tab, area.h);
    canvas.shape(field, 3, &format!("fill=\"{}\"", mark.colour.strong));
    if tab < LETTER_LEAST {
        return;
    }
    let ink = if mark.colour.ink == "#ffffff" {
        Type::new(tab.min(24) / 2 + 1, "b c w")
    } else {
        Type {
            size: tab.min(24) / 2 + 1,
            ..LETTER
        }
    };
    let at = (area.x + tab / 2, area.middle() + ink.size / 3 + 1);
    canvas.text(at, ink, &mark.letter.to_string());
}

/// Texts after each other on a ground of their own, so that no pattern runs through the letters.
fn plate(canvas: &mut Canvas, (x, middle): (u32, u32), texts: &[(Type, &str)]) {
    let said: Vec<(Type, &str)> = texts
        .iter()
        .copied()
        .filter(|(_, text)| !text.is_empty())
        .collect();
    let Some((first, _)) = said.first() else {
        return;
    };
    let wide = said.iter().fold(4_u32, |sum, (set, text)| {
        sum.saturating_add(set.width(text)).saturating_add(6)
    });
    let high = first.size.saturating_add(4);
    let ground = Area::new(
        x.saturating_sub(5),
        middle.saturating_sub(high / 2),
        wide,
        high,
    );
    canvas.shape(ground, 3, "class=\"plate\"");
    canvas.runs((x, middle + first.size / 3 + 1), &said);
}

fn is_fault(notes: &[(usize, &Finding)]) -> bool {
    notes
        .iter()
        .any(|(_, finding)| finding.severity == Severity::Fault)
}

/// The border of a fault or of a warning: different in colour, width and stroke.
fn alarm(notes: &[(usize, &Finding)]) -> &'static str {
    if is_fault(notes) {
        "class=\"fault\""
    } else {
        "class=\"warning\""
    }
}
